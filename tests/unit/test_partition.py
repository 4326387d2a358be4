"""One owned partition: its phases, and what is known of its keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleetleak.stream import Topics
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import CONTROLS_KEPT, Partition, Phase

TOPICS = Topics("snapshots", "models", "dead-letter", ("feedback",))
TO: dict[Phase, Callable[[Partition], None]] = {
    Phase.REPLAYING: Partition.replay,
    Phase.LIVE: Partition.go_live,
    Phase.FLOODED: Partition.flood,
}
"""Transitions by the phase they lead to; each leaves the one before it in this order."""


def partition() -> Partition:
    return Partition(3, FloodGate(100, 0.5), TOPICS)


def in_phase(phase: Phase) -> Partition:
    owned = partition()
    for reached, transition in TO.items():
        if owned.phase is phase:
            break
        transition(owned)
        assert owned.phase is reached
    return owned


def test_a_new_partition_must_be_restored_first() -> None:
    assert partition().phase is Phase.RESTORING


@pytest.mark.parametrize("phase", Phase)
def test_only_the_transitions_of_the_diagram_are_possible(phase: Phase) -> None:
    order = list(Phase)
    for reached, transition in TO.items():
        owned = in_phase(phase)
        if order.index(reached) == order.index(phase) + 1:
            transition(owned)
            assert owned.phase is reached
        else:
            with pytest.raises(RuntimeError, match=f"partition 3 is {phase.value}"):
                transition(owned)


@pytest.mark.parametrize("phase", Phase)
def test_it_can_be_assigned_again_in_every_phase(phase: Phase) -> None:
    owned = in_phase(phase)
    owned.assign(5.0)
    assert (owned.phase, owned.owned_since) == (Phase.RESTORING, 5.0)


def test_a_control_is_noted_with_its_place_in_the_input() -> None:
    owned = partition()
    owned.note_control(b"a", 5)
    owned.positions.advance(99)
    owned.note_control(b"a", 6)
    owned.note_control(b"b", 7)
    assert owned.controls_of(b"a") == [(5, -1), (6, 99)]
    assert owned.controls_of(b"b") == [(7, 99)]


def test_only_the_newest_controls_of_a_key_are_kept() -> None:
    owned = partition()
    for offset in range(CONTROLS_KEPT + 5):
        owned.note_control(b"a", offset)
    assert [offset for offset, _ in owned.controls_of(b"a")] == list(range(5, CONTROLS_KEPT + 5))


def test_partitions_share_nothing() -> None:
    one, other = partition(), partition()
    one.dirty.touch(b"a", 1)
    one.note_control(b"a", 1)
    assert (len(other.dirty), other.controls_of(b"a")) == (0, [])


def test_what_a_restored_checkpoint_includes_is_not_fresh_until_it_is_live() -> None:
    owned = partition()
    owned.restored(b"a", 10, [(1, 9)])
    assert owned.is_included(b"a", 10)
    assert not owned.is_included(b"a", 11)
    owned.replay()
    owned.go_live()
    assert not owned.is_included(b"a", 10)
    assert owned.controls_of(b"a") == [(1, 9)]


def test_a_partition_is_current_only_once_its_whole_state_is_in_memory() -> None:
    committed = {"snapshots": 10, "feedback": 2}
    owned = partition()
    owned.positions.start("id", 4, committed)
    assert not owned.is_current(committed), "another assignment came while it was restored"
    owned.replay()
    assert owned.is_current(committed)
    owned.assign(5.0)
    assert owned.is_current(committed), "it came straight back"
    assert not owned.is_current(committed | {"snapshots": 11})
    owned.start_cold()
    owned.positions.start("id", 4, committed)
    assert not owned.is_current(committed)
