"""Keyed parts: what changes, what is emitted, and timers that fire at the same record in every run."""

from __future__ import annotations

import pytest

from fleetleak.observe import metrics
from fleetleak.stream import Applied, Key, Output, Record
from fleetleak.stream.emit import Emit
from tests.stream.parts import Heard, Silence, Summing

K = Key(0, b"k")


def at(offset: int, time: float, key: bytes = b"k", value: bytes = b"", partition: int = 0) -> Record:
    return Record(partition, offset, key, value, time, clock=time)


def values(applied: Applied) -> list[bytes | None]:
    return [output.value for output in applied.outputs]


def test_a_timer_fires_at_the_first_record_of_its_partition_that_is_late_enough() -> None:
    role = Silence()
    assert values(role.apply([at(0, 100.0), at(1, 399.0, b"other")])) == []
    assert values(role.apply([at(2, 900.0, b"far", partition=1)])) == [], "another partition has its own time"
    applied = role.apply([at(2, 400.0, b"other")])
    assert values(applied) == [b"silent since 100 after 1"]
    assert applied.required == {K}, "a replay leaves out the records that made it due"
    assert values(role.apply([at(3, 500.0, b"other")])) == [], "it fires once"


def test_a_timer_that_is_set_again_moves() -> None:
    role = Silence()
    role.apply([at(0, 100.0), at(1, 390.0)])
    assert values(role.apply([at(2, 689.0, b"other")])) == []
    assert values(role.apply([at(3, 690.0, b"other")])) == [b"silent since 390 after 2"]


def test_timers_fire_before_the_record_that_makes_them_due() -> None:
    role = Silence()
    role.apply([at(0, 100.0)])
    assert values(role.apply([at(1, 500.0)])) == [b"silent since 100 after 1", b"back"]


def test_timers_fire_by_time_then_by_key() -> None:
    role = Silence()
    role.apply([at(0, 120.0, b"b"), at(1, 120.0, b"a"), at(2, 110.0, b"c")])
    applied = role.apply([at(3, 9000.0, b"x")])
    assert [output.key for output in applied.outputs] == [b"c", b"a", b"b"]


def test_a_timer_is_part_of_the_stored_state() -> None:
    before, after = Silence(), Silence()
    before.apply([at(0, 100.0)])
    after.load(K, before.dump([K])[0] or b"")
    assert after.dump([K])[0] == before.dump([K])[0]
    assert values(after.apply([at(1, 400.0, b"other")])) == [b"silent since 100 after 1"]


def test_a_timer_goes_with_its_key() -> None:
    role = Silence()
    role.apply([at(0, 100.0)])
    key, applied = role.control(Record(0, 0, b"k", b"forget", 0.0))
    assert (key, applied.outputs, role.dump([K])[0]) == (K, [], None)
    assert values(role.apply([at(1, 900.0, b"other")])) == []


class Stuck(Silence):
    """Sets a timer that fired to the same time."""

    def on_time(self, state: Heard, due: float, emit: Emit) -> Heard:
        emit.wake(due)
        return state


def test_a_timer_that_does_not_move_is_a_fault_of_the_part() -> None:
    role = Stuck()
    role.apply([at(0, 100.0)])
    with pytest.raises(ValueError, match="must be set to a later time"):
        role.apply([at(1, 900.0, b"other")])


def test_what_a_part_ignores_is_not_checkpointed() -> None:
    role = Silence()
    assert role.apply([at(0, 100.0, value=b"ignore")]).changed == {}
    assert role.dump([K])[0] is None
    assert role.apply([at(1, 100.0), at(2, 101.0)]).changed == {K: 1}
    assert role.apply([at(3, 102.0, value=b"ignore")]).changed == {}


def test_a_state_that_is_not_frozen_changes_with_every_record() -> None:
    role = Summing()
    assert role.apply([at(0, 1.0, value=b"5")]).changed == {K: 0}
    assert role.apply([at(1, 1.0, value=b"0")]).changed == {K: 1}


def test_what_cannot_be_read_is_rejected_and_changes_nothing() -> None:
    role = Silence()
    role.apply([at(0, 100.0)])
    before = role.dump([K])[0]
    applied = role.apply([at(1, 101.0, value=b"bad")])
    assert [(r.record.offset, r.reason) for r in applied.rejected] == [(1, "malformed")]
    assert (applied.changed, role.dump([K])[0]) == ({}, before)


def test_outputs_stay_beside_their_input_or_are_rekeyed() -> None:
    key = Key(3, b"k")
    emit, applied = Emit(key), Applied()
    emit.output("t", b"1", transition=True, note="said")
    emit.rekeyed("t", b"other", b"2")
    emit.into(applied)
    assert applied.outputs == [
        Output("t", b"k", b"1", 3, key, "said"),
        Output("t", b"other", b"2", None, None, None),
    ]


def test_a_side_record_changes_the_state_of_its_key() -> None:
    role = Silence()
    role.apply([at(0, 100.0)])
    key, applied = role.control(Record(0, 7, b"k", b"ask", 0.0))
    assert (key, values(applied)) == (None, [b"1"]), "the state is as it was"


def test_the_number_of_keys_is_a_level() -> None:
    role = Silence()
    applied = role.apply([at(0, 100.0), at(1, 100.0, b"other")])
    assert applied.levels == {metrics.KEYS: 2.0}
    role.drop(0)
    assert role.apply([at(0, 100.0, partition=1)]).levels == {metrics.KEYS: 1.0}
