"""Rows and state of services: a small memory gives what an unbounded one gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetleak.observe import metrics
from fleetleak.stream import Key, Record
from processors.models.codec import seal
from processors.models.ew_stats import EWStats
from processors.models.half_space_trees import HalfSpaceTrees
from processors.place.services import Services
from processors.place.siblings import SiblingView
from processors.place.stored import StoredInstance, StoredService, decode
from processors.scoring import Scoring
from tests.processors.series import MIB, START, fleet, pieces, record, role, snapshot

DAY = 86_400.0
TWENTY = fleet(services=20, ticks=12)
# Long enough for a window of the trees to end in it.
WINDOW_ENDS = 250
THREE = fleet(services=3, ticks=WINDOW_ENDS + 5)
KEYS = sorted({Key(r.partition, r.key or b"") for r in TWENTY})


def budget_for(services: int) -> float:
    """Return the budget, in bytes, for so many services of one instance."""
    held = role().services
    return services * (held.service_bytes + held.instance_bytes)


def scores(scoring: Scoring, records: Iterable[Record]) -> list[bytes | None]:
    return [output.value for output in scoring.apply(list(records)).outputs]


def key_of(one: Record) -> Key:
    return Key(one.partition, one.key or b"")


def small(budget: float = 1e6, **instance_parts: Any) -> Services:
    """Return services with one small model each."""
    return Services({"level": EWStats(256)}, instance_parts, budget, DAY)


def refused(part: str) -> float:
    found = metrics.REGISTRY.get_sample_value(
        "fleetleak_runtime_checkpoints_refused_total", {"reason": f"part-{part}"}
    )
    return found or 0.0


@pytest.mark.parametrize(("most", "size"), [(1, 7), (3, 1), (3, 500)])
def test_eviction_is_exact_and_invisible(most: int, size: int) -> None:
    unbounded, bounded = role(), role(memory_budget_bytes=budget_for(most))
    for batch in pieces(TWENTY, itertools.repeat(size)):
        assert scores(bounded, batch) == scores(unbounded, batch)
        assert len(bounded.services.in_memory) <= most
    assert len(bounded.services) == len(KEYS)
    assert bounded.dump(KEYS) == unbounded.dump(KEYS)


def test_evict_and_load_are_invisible_at_every_point() -> None:
    moved, still = role(), role()
    # One by one at the beginning and around the end of the window, the others at once.
    first, window = len(THREE) // 10, 4 * (WINDOW_ENDS - 5)
    for at in (*range(first), window, *range(window + 1, len(THREE))):
        records = THREE[first:window] if at == window else THREE[at : at + 1]
        key = key_of(records[0])
        if still.dump([key])[0] is not None:
            state = moved.dump([key])[0] or b""
            for _ in range(2):
                moved.services.remove(key)
                assert moved.dump([key])[0] is None
                moved.load(key, state)
                assert moved.dump([key])[0] == state
        assert scores(moved, records) == scores(still, records)


def test_a_loaded_state_takes_the_place_of_the_one_in_memory() -> None:
    scoring = role()
    scores(scoring, THREE[:100])
    keys = [key_of(one) for one in THREE[:3]]
    states = [state or b"" for state in scoring.dump(keys)]
    first = scores(scoring, THREE[100:150])
    for key, state in zip(keys, states, strict=True):
        scoring.load(key, state)
    assert scoring.dump(keys) == states
    assert scores(scoring, THREE[100:150]) == first


@pytest.fixture(scope="module")
def twenty() -> dict[Key, bytes]:
    """Return the states of twenty services, one of them with two instances."""
    scoring = role()
    scores(scoring, TWENTY)
    return {key: state or b"" for key, state in zip(KEYS, scoring.dump(KEYS), strict=True)}


a_key = st.sampled_from([*KEYS, Key(7, b"nobody")])


@given(wanted=st.lists(a_key), unpacked=st.lists(a_key), dumped=st.lists(a_key))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_many_are_unpacked_and_dumped_as_each_alone(
    twenty: dict[Key, bytes], wanted: list[Key], unpacked: list[Key], dumped: list[Key]
) -> None:
    many, alone = role().services, role().services
    for key in sorted(set(wanted) & twenty.keys()):
        many.load(key, twenty[key])
        alone.load(key, twenty[key])
    many.unpack(unpacked)
    for key in set(unpacked) & set(wanted) & twenty.keys():
        alone.service(key)
    assert many.in_memory.keys() == alone.in_memory.keys() == set(unpacked) & set(wanted) & twenty.keys()
    expected = [twenty[key] if key in wanted and key in twenty else None for key in dumped]
    assert many.dump_many(dumped) == expected == [alone.dump(key) for key in dumped]


def test_damaged_parts_among_many_start_new_and_are_counted(twenty: dict[Key, bytes]) -> None:
    held, bad = role().services, set(KEYS[::3])
    for key in KEYS:
        stored = decode(twenty[key])
        if key in bad:
            stored.parts["normal"] = stored.parts["normal"][:-1]
            stored.instances[0].parts["adwin"] = b"x"
            del stored.instances[0].parts["level"]
        held.load(key, seal(msgspec.msgpack.encode(stored), "service/3"))
    counted = refused("normal"), refused("adwin"), refused("level")
    held.unpack(KEYS)
    found = refused("normal"), refused("adwin"), refused("level")
    assert found == (counted[0] + len(bad), counted[1] + len(bad), counted[2])
    new = role().services
    new.instances.time[new.instance(new.service(Key(0, b"empty")), "i")] = 1.0
    empty = decode(new.dump(Key(0, b"empty")) or b"")
    for key, state in zip(KEYS, held.dump_many(KEYS), strict=True):
        if key not in bad:
            assert state == twenty[key]
            continue
        kept, before = decode(state or b""), decode(twenty[key])
        assert kept.parts == before.parts | {"normal": empty.parts["normal"]}
        new_parts = {name: empty.instances[0].parts[name] for name in ("adwin", "level")}
        assert kept.instances[0].parts == before.instances[0].parts | new_parts


@given(order=st.permutations(range(6)), times=st.lists(st.integers(1, 3), min_size=6, max_size=6))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_the_longest_unseen_goes_first_and_ties_by_key(order: list[int], times: list[int]) -> None:
    service, instance = small().service_bytes, small().instance_bytes
    held = small(budget=(5 * (service + instance) + 2 * service) / 0.9 + 1)
    for number in order:
        held.times.newest[held.service(Key(0, b"%d" % number)).row] = float(times[number])
    by_age = sorted(range(6), key=lambda number: (times[number], number))
    assert held.make_room(5) == 4
    assert set(held.in_memory) == {Key(0, b"%d" % number) for number in by_age[-2:]}


@pytest.mark.parametrize("size", [1, 5, 500])
def test_the_budget_is_kept(size: int) -> None:
    budget = budget_for(6)
    scoring = role(memory_budget_bytes=budget)
    for batch in pieces([r for r in TWENTY if r.key != b"s2"], itertools.repeat(size)):
        scoring.apply(batch)
        # The texts of new identities come on top until the next batch.
        assert scoring.services.bytes_in_use <= budget + scoring.services.identities.text_bytes


def test_a_service_of_many_instances_exceeds_the_budget_for_its_batch_only() -> None:
    budget = budget_for(6)
    scoring = role(memory_budget_bytes=budget)
    ticks = [
        [record(snapshot("many", tick, MIB, instance=f"many-{i}"), 100 * tick + i) for i in range(8)]
        + [record(snapshot(f"s{i}", tick, MIB), 100 * tick + 10 + i) for i in range(5)]
        for tick in range(20)
    ]
    held = scoring.services
    for one in itertools.chain(*ticks):
        scoring.apply([one])
        assert held.bytes_in_use <= budget + 8 * held.instance_bytes


def instance_parts(scoring: Scoring, name: str) -> dict[str, bytes]:
    state = scoring.dump([Key(0, b"s")])[0]
    assert state is not None
    (found,) = [one.parts for one in decode(state).instances if one.name == name]
    return found


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("gap", [19, 20, 21, 100])
def test_forgetting_depends_on_the_gap_of_the_own_records_only(gap: int, others: bool) -> None:
    own = [*range(20), *range(19 + gap, 30 + gap)]
    stream = [(tick, "a", MIB * (300 + tick % 7)) for tick in own]
    if others:
        stream = sorted([*stream, *((tick, "b", MIB * 200) for tick in range(30 + gap))])
    records = [record(snapshot("s", t, u, instance=i), n) for n, (t, i, u) in enumerate(stream)]
    forgetful, remembering, fresh = role(forget_seconds=600.0), role(forget_seconds=1e9), role()
    scores(forgetful, records)
    scores(remembering, records)
    scores(fresh, [record(snapshot("s", t, MIB * (300 + t % 7), instance="a"), t) for t in own[20:]])
    expected = remembering if gap * 30.0 <= 600.0 else fresh
    assert instance_parts(forgetful, "a") == instance_parts(expected, "a")
    assert instance_parts(remembering, "a") != instance_parts(fresh, "a")


@given(seed=st.integers(0, 10_000), size=st.sampled_from([1, 9, 300]))
@settings(max_examples=5, deadline=None, derandomize=True)
def test_pruning_is_invisible(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    ticks = np.cumsum(rng.choice([1, 2, 12, 30], 200, p=[0.6, 0.3, 0.07, 0.03])).tolist()
    names = rng.choice(["a", "b", "c", "d", "e"], 200, p=[0.5, 0.3, 0.1, 0.05, 0.05]).tolist()
    used = rng.integers(200, 210, 200).tolist()
    records = [
        record(snapshot("s", tick, MIB * u, instance=name), n)
        for n, (tick, name, u) in enumerate(zip(ticks, names, used, strict=True))
    ]
    last = snapshot("s", ticks[-1] + 25, MIB * 200, instance="a")  # all others are silent for too long then
    records.append(record(last, len(records)))
    pruning, keeping = role(forget_seconds=600.0), role(forget_seconds=600.0)
    with patch.object(keeping.services, "silent", return_value=[]):
        for batch in pieces(records, itertools.repeat(size)):
            assert scores(pruning, batch) == scores(keeping, batch)
    assert (pruning.services.instances_in_memory, keeping.services.instances_in_memory) == (1, 5)


def test_rows_are_reused_and_new() -> None:
    used, fresh = role(), role()
    scores(used, THREE)
    used.services.remove(Key(0, b"s0"))
    for partition in (0, 1):
        used.drop(partition)
    assert len(used.services) == used.services.bytes_in_use == 0
    others = fleet(services=4, ticks=40, seed=2)
    assert scores(used, others) == scores(fresh, others)
    held = used.services
    assert sorted(service.row for service in held.in_memory.values()) == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def known() -> tuple[Scoring, Key, bytes]:
    """Return a role that knows three services, one of them, and its state."""
    scoring = role()
    scores(scoring, THREE[:200])
    key = key_of(THREE[0])
    state = scoring.dump([key])[0]
    assert state is not None
    return scoring, key, state


@given(at=st.integers(0, 10**6), change=st.integers(1, 255), cut=st.integers(0, 3))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_altered_or_cut_bytes_are_refused_and_change_nothing(
    known: tuple[Scoring, Key, bytes], at: int, change: int, cut: int
) -> None:
    scoring, key, state = known
    altered = bytearray(state[: len(state) - cut])
    if not cut:
        altered[at % len(state)] ^= change
    for target in (key, Key(0, b"new")):
        with pytest.raises(ValueError, match=r"."):
            scoring.load(target, bytes(altered))
    assert key in scoring.services.in_memory
    assert scoring.dump([key])[0] == state
    assert scoring.dump([Key(0, b"new")])[0] is None


def instance_at(time: float) -> StoredInstance:
    return StoredInstance("i", time, None, None, None, None, 0.0, None, 0.0, 0, 0, False, {})


def service_with(*instances: StoredInstance, newest: float = 1.0) -> bytes:
    stored = StoredService(0.0, newest, 0.0, {}, list(instances), SiblingView())
    return seal(msgspec.msgpack.encode(stored), "service/3")


def test_what_no_service_can_be_is_refused_with_a_right_checksum() -> None:
    one = instance_at(1.0)
    decode(service_with(one))
    for wrong in (
        service_with(one, one),
        service_with(newest=math.nan),
        service_with(instance_at(-1.0)),
        seal(b"\x90", "service/3"),
        seal(msgspec.msgpack.encode(["x"]), "service/3"),
        seal(b"", "service/3"),
        b"",
    ):
        with pytest.raises(ValueError, match=r"."):
            small().load(Key(0, b"s"), wrong)


def test_a_part_of_other_parameters_starts_cold_and_is_counted() -> None:
    key, rows = Key(0, b"s"), np.zeros(30, np.intp)
    x = np.random.default_rng(1).normal(0.5, 0.1, (30, 1))

    def trees(seed: int) -> HalfSpaceTrees:
        return HalfSpaceTrees(256, window_size=20, seed=seed)

    level, learned = EWStats(256), trees(1)
    before = Services({"level": level}, {"trees": learned}, 1e6, DAY)
    after, new = small(trees=trees(2)), small(trees=trees(2))
    for services in (before, new):
        services.instances.time[services.instance(services.service(key), "i")] = 1.0
    level.score_learn(rows, x)
    learned.score_learn(rows, x)
    counted = refused("trees"), refused("level")
    after.load(key, before.dump(key) or b"")
    service, stored = after.service(key), decode(after.dump(key) or b"")
    fresh = decode(new.dump(key) or b"")
    assert (refused("trees"), refused("level")) == (counted[0] + 1, counted[1])
    assert stored.instances[0].parts == fresh.instances[0].parts
    assert stored.parts["level"] != fresh.parts["level"]
    assert list(service.instances) == ["i"]


def test_a_part_that_is_damaged_leaves_the_others_as_they_were(known: tuple[Scoring, Key, bytes]) -> None:
    _, key, state = known
    stored = decode(state)
    damaged = decode(state)
    damaged.instances[0].parts["snarimax"] = stored.instances[0].parts["snarimax"][:-1]
    scoring = role()
    scoring.load(key, seal(msgspec.msgpack.encode(damaged), "service/3"))
    scoring.services.service(key)
    kept = decode(scoring.dump([key])[0] or b"").instances[0].parts
    same = {name for name, part in stored.instances[0].parts.items() if kept[name] == part}
    assert set(kept) - same == {"snarimax"}


@pytest.mark.parametrize("moved_after", [1, 2, 3])
def test_a_move_keeps_what_was_scored_apart_from_what_was_only_admitted(moved_after: int) -> None:
    """The last record has no memory, or no start: it is admitted, and the siblings know the one before."""
    given = [
        record(snapshot("s", 0, MIB * 100, started=START - 60.0), 0),
        record(snapshot("s", 1, MIB * 100, limit=None, total=None), 1),
        record(snapshot("s", 2, MIB * 100), 2),
        record(snapshot("s", 12, MIB * 100, instance="other"), 3),
    ]
    stays, moves = role(), role()
    for at, one in enumerate(given):
        if at == moved_after:
            moved, moves = moves, role()
            moves.load(Key(0, b"s"), moved.dump([Key(0, b"s")])[0] or b"")
        assert scores(moves, [one]) == scores(stays, [one])
    assert moves.dump([Key(0, b"s")]) == stays.dump([Key(0, b"s")])
