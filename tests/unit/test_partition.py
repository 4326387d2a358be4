"""What is known of one owned partition."""

from __future__ import annotations

from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import CONTROLS_KEPT, Partition, Phase


def partition() -> Partition:
    return Partition(3, FloodGate(100, 0.5))


def test_a_new_partition_must_be_restored_first() -> None:
    assert partition().phase is Phase.RESTORING


def test_a_control_is_noted_with_its_place_in_the_input() -> None:
    owned = partition()
    owned.note_control(b"a", 5)
    owned.position = 100
    owned.note_control(b"a", 6)
    owned.note_control(b"b", 7)
    assert owned.controls == {b"a": [(5, -1), (6, 99)], b"b": [(7, 99)]}


def test_only_the_newest_controls_of_a_key_are_kept() -> None:
    owned = partition()
    for offset in range(CONTROLS_KEPT + 5):
        owned.note_control(b"a", offset)
    assert [offset for offset, _ in owned.controls[b"a"]] == list(range(5, CONTROLS_KEPT + 5))


def test_partitions_share_nothing() -> None:
    one, other = partition(), partition()
    one.dirty.touch(b"a", 1)
    one.note_control(b"a", 1)
    assert (len(other.dirty), other.controls) == (0, {})
