"""The scoring role: one score per snapshot, the same bytes however its input is cut or its state moved."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetleak.observe import metrics
from fleetleak.settings import BadSetting
from fleetleak.stream import Key, Record
from processors.scoring import Scoring
from tests.processors.series import LIMIT, MIB, fleet, pieces, read_score, record, role, snapshot

SERVICES = 6
FLEET = fleet(SERVICES, ticks=120)


def outputs(scoring: Scoring, records: list[Record], size: int) -> list[bytes]:
    found: list[bytes] = []
    for batch in pieces(records, itertools.repeat(size)):
        found += [o.value or b"" for o in scoring.apply(batch).outputs]
    return found


@pytest.fixture(scope="module")
def whole() -> list[bytes]:
    """The scores of the fleet from one process in large batches."""
    return outputs(role(), FLEET, 500)


def test_every_snapshot_has_one_score_that_names_it(whole: list[bytes]) -> None:
    scores = [read_score(value) for value in whole]
    assert [(s.input_partition, s.input_offset) for s in scores] == [(r.partition, r.offset) for r in FLEET]
    assert {s.service for s in scores} == {f"s{n}" for n in range(SERVICES)}


def test_the_leak_is_found_and_forecast_and_its_neighbours_are_not(whole: list[bytes]) -> None:
    last = {s.instance: s for s in map(read_score, whole)}
    leak = last.pop("s0-0")
    assert leak.kind == "linear"
    assert leak.forecast is not None
    assert leak.forecast.limit_name == "memory.max"
    # 2 MiB a tick from 300 MiB, after 40 ticks: the limit of 1 GiB is reached 402 ticks after the start.
    wanted = FLEET[0].appended + 30 * (40 + (LIMIT / MIB - 305) / 2)
    assert leak.forecast.eta_low <= wanted <= leak.forecast.eta_high
    assert leak.reasons
    assert all(other.confidence < leak.confidence for other in last.values())


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_batches_may_be_cut_anywhere(whole: list[bytes], size: int) -> None:
    assert outputs(role(), FLEET, size) == whole


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_batches_may_be_cut_at_random(whole: list[bytes], seed: int) -> None:
    random_ = random.Random(seed)
    scoring, found = role(), []
    for batch in pieces(FLEET[:350], iter(lambda: random_.randint(1, 200), 0)):
        found += [o.value for o in scoring.apply(batch).outputs]
    assert found == whole[:350]


def test_state_moves_to_another_process_at_any_point(whole: list[bytes]) -> None:
    for cut in (1, 250, 700, 800):
        before, after = role(), role()
        found = outputs(before, FLEET[:cut], 100)
        for key in {Key(r.partition, r.key or b"") for r in FLEET[:cut]}:
            state = before.dump([key])[0]
            assert state is not None
            after.load(key, state)
        assert found + outputs(after, FLEET[cut:], 100) == whole


def test_moving_services_out_of_memory_is_invisible(whole: list[bytes]) -> None:
    small = role(memory_budget_bytes=900_000)
    applied = [small.apply(batch) for batch in pieces(FLEET, itertools.repeat(40))]
    assert [output.value for one in applied for output in one.outputs] == whole
    assert sum(one.counts[metrics.EVICTIONS,] for one in applied) > 50


def test_partitions_do_not_meet() -> None:
    together = outputs(role(), FLEET, 100)
    apart: dict[tuple[int, int], bytes] = {}
    for number in (0, 1):
        alone = [r for r in FLEET if r.partition == number]
        apart |= {(r.partition, r.offset): v for r, v in zip(alone, outputs(role(), alone, 100), strict=True)}
    assert [apart[r.partition, r.offset] for r in FLEET] == together


def test_late_and_duplicate_snapshots_are_dropped() -> None:
    scoring = role()
    ticks = [0, 1, 1, 5, 3, 6]
    records = [record(snapshot("s", tick, 100 * MIB), n) for n, tick in enumerate(ticks)]
    scores = [read_score(o.value or b"") for o in scoring.apply(records).outputs]
    assert [s.input_offset for s in scores] == [0, 1, 3, 5]


def test_unreadable_snapshots_are_rejected_with_a_reason() -> None:
    good = record(snapshot("s", 1, 100 * MIB), 0)
    values = {
        "malformed": b"{",
        "empty": None,
        "invalid": b'{"schema":"snapshot/1","service":"s","instance":"i","timestamp":-1}',
        "newer-schema": b'{"schema":"snapshot/9"}',
        "wrong-record": b'{"schema":"label/1"}',
    }
    bad = [Record(0, n + 1, b"s", value, good.appended) for n, value in enumerate(values.values())]
    foreign = Record(0, 9, b"other", good.value, good.appended)
    future = Record(0, 10, b"s", good.value, good.appended - 3600)
    applied = role().apply([good, *bad, foreign, future])
    assert len(applied.outputs) == 1
    assert [r.reason for r in applied.rejected] == [*values, "wrong-key", "future"]


def test_a_long_silence_starts_an_instance_anew() -> None:
    scoring = role(forget_seconds=600.0)
    ticks = [*range(60), *range(1000, 1060)]
    both = [record(snapshot("s", tick, (100 + tick % 60) * MIB), n) for n, tick in enumerate(ticks)]
    fresh = role(forget_seconds=600.0).apply(both[60:61]).outputs[0]
    after = scoring.apply(both).outputs[60]
    assert read_score(after.value or b"").trend == read_score(fresh.value or b"").trend is None


def test_snapshots_without_anything_to_measure_against_are_scored_in_words() -> None:
    bare = snapshot("s", 1, 5, limit=None, limit_name=None, limit_used=None, total=None)
    score = read_score(role().apply([record(bare, 0)]).outputs[0].value or b"")
    assert score.methods == {}
    assert "limit" in score.reasons[0]


def test_a_river_model_by_configuration() -> None:
    scoring = role(models=[], river_model="HalfSpaceTrees(n_trees=3, height=4, seed=1)")
    score = read_score(scoring.apply([record(snapshot("s", 1, 5), 0)]).outputs[0].value or b"")
    assert list(score.methods) == ["river"]


def test_an_unbounded_river_model_finds_its_largest_scores_least_likely() -> None:
    scoring = role(models=[], river_model="OneClassSVM(nu=0.1)")
    random_ = random.Random(5)
    usual = [record(snapshot("s", t, 300 * MIB + random_.randint(0, 5 * MIB)), t) for t in range(1500)]
    odd = record(snapshot("s", 1500, 700 * MIB), 1500)
    *before, last = [
        read_score(o.value or b"").methods["river"] for o in scoring.apply([*usual, odd]).outputs
    ]
    assert last.p is not None
    assert last.detected
    assert last.p < min(one.p for one in before if one.p is not None)


@pytest.mark.parametrize(
    "wrong",
    ["Nothing", "HalfSpaceTrees(", "__import__('os')", "HalfSpaceTrees(n=1)", "LocalOutlierFactor()"],
)
def test_a_river_model_that_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(BadSetting, match="river_model"):
        role(river_model=wrong)
