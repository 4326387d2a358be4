"""What is known of one partition: the flood of unreadable records, and the controls applied."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetleak.kafka.runtime.flood import FloodGate
from fleetleak.kafka.runtime.partition import CONTROLS_KEPT, Partition, Phase
from tests.unit.strategies import REPEATABLE


def test_a_few_unreadable_records_are_no_flood() -> None:
    gate = FloodGate(least=3, ratio=0.5)
    assert gate.clean
    assert not gate.flooded([True, True, False, False, False, False])
    assert not gate.clean
    assert not gate.flooded([True, True]), "the first two are too long ago"
    assert gate.flooded([True])


def test_it_is_clean_again_when_the_bad_ones_are_long_ago() -> None:
    gate = FloodGate(least=2, ratio=0.5)
    assert gate.flooded([True, True])
    assert not gate.flooded([False] * 4)
    assert gate.clean


def test_with_ratio_one_only_an_unbroken_run_is_a_flood() -> None:
    gate = FloodGate(least=3, ratio=1.0)
    assert not gate.flooded([True, True, False, True, True])
    assert gate.flooded([True])


@REPEATABLE
@given(
    st.integers(1, 8), st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.lists(st.lists(st.booleans(), max_size=9))
)
def test_it_counts_the_newest_records_however_they_come(
    least: int, ratio: float, batches: list[list[bool]]
) -> None:
    gate, seen = FloodGate(least, ratio), list[bool]()
    for batch in batches:
        seen += batch
        newest = seen[-int(least / ratio) :]
        assert gate.flooded(batch) == (sum(newest) >= least)
        assert gate.clean == (not any(newest))


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
