"""The generator: the same every time, and its labels say what its memory does."""

from __future__ import annotations

import zlib
from itertools import islice, pairwise

import msgspec
import numpy as np
import pytest

from fleetleak.records import LEAK_KINDS, Decoder, Snapshot, encode
from fleetleak_app.evaluation import synthetic
from fleetleak_app.evaluation.scorer import SLOW_RATE
from fleetleak_app.evaluation.synthetic import SCENARIOS, Scenario, Telemetry
from fleetleak_app.evaluation.synthetic.leaks import (
    Exponential,
    Fragmentation,
    Leak,
    Linear,
    Periodic,
    Staircase,
)
from fleetleak_app.evaluation.synthetic.parts import Run

ALL = list(SCENARIOS.values())


def _id(scenario: Scenario) -> str:
    return scenario.id


def _only(name: str) -> Telemetry:
    (telemetry,) = synthetic.simulate(SCENARIOS[name])
    return telemetry


def _digest(scenario: Scenario) -> int:
    records = islice(synthetic.snapshots(scenario), 2000)
    return zlib.crc32(msgspec.json.encode(list(records)))


@pytest.mark.parametrize("name", ["leak-fragmentation-12h", "fleet-scale-out", "leak-with-gaps"])
def test_a_scenario_is_the_same_every_time(name: str) -> None:
    assert _digest(SCENARIOS[name]) == _digest(SCENARIOS[name])


def test_scenarios_of_one_process_differ_by_their_id() -> None:
    calm = SCENARIOS["clean-calm"]
    assert _digest(calm) != _digest(SCENARIOS["clean-noisy"])


@pytest.mark.parametrize("scenario", ALL, ids=_id)
def test_labels_agree_with_the_memory(scenario: Scenario) -> None:
    for telemetry in synthetic.simulate(scenario):
        case = telemetry.case()
        held = telemetry.columns["anon"] + telemetry.columns.get("swap_used", 0)
        for leak in case.leaks:
            inside = (case.times >= leak.onset) & (case.times <= leak.end)
            gain = (held[inside][-20:].mean() - held[inside][:20].mean()) / telemetry.limit
            assert gain > 0.01
            # Rates go by what was lost; what the process holds besides moves by a few hundredths.
            assert leak.rate != SLOW_RATE or gain < 0.08
            assert leak.kind in LEAK_KINDS
            assert case.t0 <= leak.onset < leak.end <= case.t1
        assert all(one.end <= two.onset for one, two in pairwise(case.leaks))


@pytest.mark.parametrize("scenario", ALL, ids=_id)
def test_a_kill_ends_a_leak_that_exhausts_and_nothing_else(scenario: Scenario) -> None:
    for telemetry in synthetic.simulate(scenario):
        kills = telemetry.columns["oom_kills"]
        ended = [leak.end for leak in telemetry.leaks if leak.exhaust and leak.end < telemetry.case().t1]
        assert kills[-1] == len(ended)
        restarted = telemetry.columns["timestamp"][np.flatnonzero(np.diff(kills)) + 1]
        tolerated = scenario.step * (1 if not scenario.dropout else 10)
        assert np.allclose(restarted, ended, atol=tolerated)


@pytest.mark.parametrize("scenario", ALL, ids=_id)
def test_records_are_what_an_agent_could_have_measured(scenario: Scenario) -> None:
    records = list(islice(synthetic.snapshots(scenario), 0, 4000, 7))
    decoder = Decoder(Snapshot)
    for record in records:
        assert decoder.decode(encode(record)) == record
        assert record.used is not None
        assert record.limit is not None
        assert record.anon is not None
        assert record.limit_used is not None
        assert 0 < record.anon < record.limit_used <= record.used <= record.limit
        assert record.started is not None
        assert record.started <= record.timestamp
    assert all(one.timestamp <= two.timestamp for one, two in pairwise(records))


def test_counters_never_fall() -> None:
    records: list[Snapshot] = list(synthetic.snapshots(SCENARIOS["killed-again-and-again"]))
    for name in ("cpu_seconds", "faults_minor", "faults_major", "pressure_some", "oom_kills"):
        values = [getattr(record, name) for record in records]
        assert all(one <= two for one, two in pairwise(values)), name
        assert values[-1] > values[0], name


def test_the_registry_covers_what_it_promises() -> None:
    rates = {(leak.kind, leak.rate) for s in ALL for t in synthetic.simulate(s) for leak in t.leaks}
    for kind in LEAK_KINDS:
        assert {(kind, rate) for rate in ("2h", "12h", "3d", "14d")} <= rates
    tags = {scenario.tag for scenario in ALL}
    hard = "warm-up cache-fill fill-then-stop deploy daily weekly old-garbage restarts nightly-batch"
    assert {f"hard:{name}" for name in f"{hard} traffic-hump autoscaled page-cache".split()} <= tags
    assert all(scenario.id == name for name, scenario in SCENARIOS.items())


def test_a_leak_into_swap_is_flat_in_memory() -> None:
    telemetry = _only("leak-into-swap")
    (leak,) = telemetry.leaks
    times, used = telemetry.columns["timestamp"], telemetry.columns["used"]
    late = (times > leak.onset + 0.6 * leak.life) & (times < leak.end)
    assert np.ptp(used[late]) < 0.02 * telemetry.limit
    assert np.diff(telemetry.columns["swap_used"][late]).sum() > 0.2 * telemetry.limit


def test_page_cache_fills_memory_without_anonymous_growth() -> None:
    columns = _only("clean-page-cache").columns
    assert columns["used"][-1] > 0.98 * 2**31
    assert np.ptp(columns["anon"]) < 0.1 * 2**31


def test_a_repaired_leak_does_not_come_back_and_an_unrepaired_one_does() -> None:
    assert len(_only("leak-linear-2h").leaks) == 1
    assert len([leak for leak in _only("killed-again-and-again").leaks if leak.exhaust]) > 3


def test_one_version_of_a_fleet_leaks_and_the_other_does_not() -> None:
    bad = synthetic.simulate(SCENARIOS["fleet-bad-version"])
    assert len(bad) == 6
    for telemetry in bad:
        versions = dict(
            zip(telemetry.columns["timestamp"].tolist(), telemetry.columns["version"], strict=True)
        )
        leaking = [version for time, version in versions.items() if time > telemetry.leaks[0].onset]
        assert set(leaking) == {"v2"}
        assert "v1" in versions.values()
    clean = [telemetry.leaks for telemetry in synthetic.simulate(SCENARIOS["fleet-canary"])]
    assert [bool(leaks) for leaks in clean] == [True] + [False] * 5


def test_scaled_out_instances_come_and_go() -> None:
    spans = [telemetry.case() for telemetry in synthetic.simulate(SCENARIOS["fleet-scale-out"])]
    assert {case.t0 for case in spans[2:]}.isdisjoint({spans[0].t0})
    assert all(case.t1 < spans[0].t1 for case in spans[2:])


def test_memory_can_come_in_arenas_and_samples_can_be_missing() -> None:
    telemetry = _only("clean-arenas")
    assert not (telemetry.columns["anon"] % (64 * 2**20)).any()
    gaps = np.diff(telemetry.columns["timestamp"])
    assert set(np.unique(gaps / 120)) >= {1.0, 2.0}


def _grown(leak: Leak) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    hours = np.arange(0, 10, 0.01)
    run = Run(hours, hours, np.ones(len(hours)), 0.01, np.random.default_rng(5))
    return np.asarray(leak.memory(run))


@pytest.mark.parametrize("shape", [Linear, Exponential, Staircase, Periodic, Fragmentation])
def test_a_shape_takes_its_room_in_its_life_and_begins_when_it_is_told(shape: type[Leak]) -> None:
    grown = _grown(shape(8.0, 1.0, 0.5))
    assert grown[900] == pytest.approx(0.5, rel=0.35)
    assert not grown[:100].any()


def test_each_shape_grows_in_its_own_way() -> None:
    half, whole = 500, 900
    assert _grown(Linear(8.0, 1.0))[half] / _grown(Linear(8.0, 1.0))[whole] == pytest.approx(0.5, abs=0.05)
    assert _grown(Exponential(8.0, 1.0))[half] / _grown(Exponential(8.0, 1.0))[whole] < 0.25
    assert _grown(Fragmentation(8.0, 1.0))[half] / _grown(Fragmentation(8.0, 1.0))[whole] > 0.55
    steps = np.diff(_grown(Staircase(8.0, 1.0)))
    assert 5 <= np.count_nonzero(steps) <= 20
    assert (np.diff(_grown(Periodic(8.0, 1.0))) < 0).mean() > 0.3
