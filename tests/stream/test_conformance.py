"""Properties of every role: its results depend only on its records, and its state can move at any moment."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from fleetleak.observe import metrics
from fleetleak.stream import Key, Record, Role
from fleetleak_app.roles import ROLES
from tests.stream.cases import CASES, PARTITIONS, Case
from tests.stream.journal import Journal, Said, Side, said, through

STATELESS = {"drift", "bridge-otlp", "bridge-kafka"}
each = pytest.mark.parametrize("name", CASES)


def whole(case: Case) -> Said:
    """Return the outputs of an undisturbed run, in the largest batches."""
    return said(o for applied in through(case.make(), case.events(), lambda: 10**6) for o in applied.outputs)


def keys(case: Case) -> list[Key]:
    records = [e.record if isinstance(e, Side) else e for e in case.events()]
    return sorted({Key(r.partition, r.key or b"") for r in records})


def test_every_registered_role_is_here() -> None:
    assert CASES.keys() >= ROLES.keys()


@each
def test_the_input_exercises_the_role(name: str) -> None:
    assert sum(map(len, whole(CASES[name]).values())) > 0


@each
@pytest.mark.parametrize("most", [1, 7, 60])
def test_results_do_not_depend_on_how_the_input_is_cut(name: str, most: int) -> None:
    case, chance = CASES[name], random.Random(most)
    applied = through(case.make(), case.events(), lambda: chance.randrange(1, most + 1))
    assert said(o for one in applied for o in one.outputs) == whole(case)


@each
def test_results_of_a_partition_do_not_depend_on_the_others(name: str) -> None:
    case = CASES[name]
    apart: Said = {}
    for number in range(PARTITIONS):
        events = [e for e in case.events() if (e.record if isinstance(e, Side) else e).partition == number]
        for applied in through(case.make(), events, lambda: 50):
            for key, values in said(applied.outputs).items():
                apart.setdefault(key, []).extend(values)
    assert apart.keys() == whole(case).keys()
    assert {k: sorted(v) for k, v in apart.items()} == {k: sorted(v) for k, v in whole(case).items()}  # type: ignore[type-var]


@each
@pytest.mark.parametrize("seed", range(4))
def test_results_do_not_depend_on_crashes_and_moves(name: str, seed: int) -> None:
    case = CASES[name]
    journal = Journal(case.make, case.events(), seed)
    assert journal.run() == whole(case)
    assert journal.crashes > 5
    assert (journal.replayed > 0) == (name not in STATELESS), "the replays were put to the test"


@each
def test_state_that_is_loaded_is_the_state_that_was_dumped(name: str) -> None:
    case = CASES[name]
    before, after = case.make(), case.make()
    through(before, case.events(), lambda: 50)
    moved(before, after, keys(case))
    # From the second time on to the byte: a value may be left out where it is equal to its default.
    states = moved(after, again := case.make(), keys(case))
    assert held(again, keys(case)) == states
    assert before.fingerprint == after.fingerprint


def moved(before: Role, after: Role, names: Sequence[Key]) -> dict[Key, bytes]:
    """Move the state of keys from one role to another; return it."""
    states = held(before, names)
    for key, state in states.items():
        after.load(key, state)
    return states


def held(role: Role, names: Sequence[Key]) -> dict[Key, bytes]:
    """Return the state of the keys that have one."""
    dumped = zip(names, role.dump(names), strict=True)
    return {key: state for key, state in dumped if state is not None}


@each
def test_keys_are_dumped_in_their_order_as_each_alone(name: str) -> None:
    case = CASES[name]
    role = case.make()
    through(role, case.events(), lambda: 50)
    names = [*keys(case), Key(7, b"nobody"), *reversed(keys(case))]
    assert role.dump(names) == [state for key in names for state in role.dump([key])]
    assert role.dump([Key(7, b"nobody")]) == [None]
    assert role.dump([]) == []


@each
def test_a_partition_that_is_dropped_is_forgotten(name: str) -> None:
    case = CASES[name]
    role = case.make()
    through(role, case.events(), lambda: 50)
    others = [key for key in keys(case) if key.partition != 0]
    dropped = [key for key in keys(case) if key.partition == 0]
    kept = role.dump(others)
    role.drop(0)
    assert role.dump(dropped) == [None] * len(dropped)
    assert role.dump(others) == kept


@pytest.mark.parametrize("name", sorted(CASES.keys() - STATELESS))
def test_state_that_is_none_is_refused(name: str) -> None:
    role = CASES[name].make()
    with pytest.raises(ValueError):
        role.load(Key(0, b"k"), b"\xc1 no state")


@each
def test_a_role_writes_no_metrics_and_what_it_counts_is_declared(name: str) -> None:
    case = CASES[name]
    before = _samples()
    applied = through(case.make(), case.events(), lambda: 50)
    assert _samples() == before, "counts are for the commit"
    for one in applied:
        metrics.add(one.counts, one.levels)


def _samples() -> dict[tuple[str, str], float]:
    return {
        (sample.name, str(sample.labels)): sample.value
        for family in metrics.REGISTRY.collect()
        if family.name.startswith("fleetleak_")
        for sample in family.samples
    }


@each
def test_no_side_record_makes_a_role_fail(name: str) -> None:
    role = CASES[name].make()
    for value in (None, b"", b"{", b"\xff", b'{"schema":"label/9"}', b"[]"):
        if name in ("counting", "chain"):
            value = value or b""
        key, applied = role.control(Record(0, 0, b"k", value, 0.0))
        assert applied.outputs == [] or name in ("chain", "silence")
        assert key is None or name in ("counting", "chain")
