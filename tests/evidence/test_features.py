"""FlowFeatures say what was put into the series; the baseline, the pause of learning and lost samples too."""

from __future__ import annotations

import numpy as np
import pytest

from processors.columns import Floats
from processors.evidence.engine import Evidence
from processors.evidence.features import TIME_SCALES, FlowFeatures, read
from processors.evidence.findings import TrendFindings
from processors.evidence.learning_pause import MOST_SECONDS
from tests.evidence.support import samples

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
START = 1.7e9


def _watch(
    memory: Floats, step: float = MINUTE, faults: Floats | None = None, swap: Floats | None = None,
    time: Floats | None = None,
) -> TrendFindings:  # fmt: skip
    row = np.zeros(len(memory), np.intp)
    at = START + step * np.arange(len(memory), dtype=np.float64) if time is None else time
    return Evidence(1, 1).observe(row, row, samples(at, memory, faults=faults, swap=swap))


def _features(found: TrendFindings) -> FlowFeatures:
    return read(found.flows[-1])


def test_a_steady_growth_is_its_rate_at_every_scale_it_has_lasted_for() -> None:
    per_second = 0.1 / DAY
    ramp: Floats = 0.2 + per_second * MINUTE * np.arange(3000, dtype=np.float64)
    features = _features(_watch(ramp))
    assert features.growth[:2] == pytest.approx([per_second] * 2, rel=0.01)
    assert features.deallocation == pytest.approx([0.0] * 4, abs=1e-9)
    # Two days of data are not yet a week's.
    assert 0 < features.growth[TIME_SCALES.index(7 * DAY)] < 0.5 * per_second


def test_what_is_given_back_is_not_growth() -> None:
    saw = 0.3 + 0.1 * (np.arange(6000) / 60.0 % 1.0)
    features = _features(_watch(saw))
    day = TIME_SCALES.index(DAY)
    assert features.allocation[day] == pytest.approx(features.deallocation[day], rel=0.05)
    assert features.allocation[day] == pytest.approx(0.1 / HOUR, rel=0.1)
    # One tooth in sixty samples; the memory is highest just before it falls.
    assert features.collections_per_sample == pytest.approx(1 / 60, rel=0.2)
    assert features.collection_correlation > 0.1
    assert features.autocorrelation[day] > 0.8


def test_noise_has_volatility_and_no_memory_of_itself() -> None:
    noise = 0.5 + np.random.default_rng(1).normal(0.0, 0.01, 5000)
    features = _features(_watch(noise))
    assert features.volatility[1] == pytest.approx(0.02, rel=0.3)
    assert abs(features.autocorrelation[2]) < 0.2


@pytest.mark.parametrize(("with_memory", "least", "most"), [(True, 0.8, 1.0), (False, -0.3, 0.3)])
def test_faults_are_set_against_what_is_taken(with_memory: bool, least: float, most: float) -> None:
    random = np.random.default_rng(2)
    taken = random.uniform(0.0, 1e-4, 3000)
    faults = 1e6 * taken if with_memory else random.uniform(0.0, 100.0, 3000)
    features = _features(_watch(0.1 + np.cumsum(taken), faults=faults))
    assert least <= features.fault_correlation <= most


def test_swap_has_its_own_growth() -> None:
    swap: Floats = 1e-5 * np.arange(2000, dtype=np.float64)
    features = _features(_watch(np.full(2000, 0.5), swap=swap))
    assert features.swap == pytest.approx(swap[-1], rel=1e-6)
    assert features.swap_growth == pytest.approx(1e-5 / MINUTE, rel=0.01)


def test_a_swing_on_a_growth_has_its_period() -> None:
    minutes = np.arange(3000.0)
    swing = 0.02 * np.sin(2.0 * np.pi * minutes / 360.0)
    found = _watch(0.2 + 0.4 * minutes / 3000.0 + swing)
    assert found.period[-500:] == pytest.approx(360.0 * MINUTE, rel=0.25)


def test_the_baseline_is_the_longest_steady_stretch_and_short_gaps_do_not_end_it() -> None:
    calm = 0.3 + np.random.default_rng(3).normal(0.0, 0.005, 1000)
    memory = np.concatenate([calm, np.linspace(0.3, 0.9, 300)])
    time: Floats = START + MINUTE * np.arange(1300, dtype=np.float64)
    time[500:] += 240.0
    begin, end, mean = _watch(memory, time=time).baseline[-1]
    assert begin == START
    assert time[999] <= end < time[1150]
    assert mean == pytest.approx(0.3, abs=0.02)
    time[500:] += 3600.0
    begin, *_ = _watch(memory, time=time).baseline[-1]
    assert begin == time[500]


def test_lost_samples_are_counted() -> None:
    kept = np.flatnonzero(np.random.default_rng(4).random(4000) > 0.2).astype(np.float64)
    found = _watch(np.full(len(kept), 0.3), time=START + MINUTE * kept)
    whole = _watch(np.full(4000, 0.3))
    assert found.lost[-1] == pytest.approx(0.2, abs=0.05)
    assert whole.lost[-1] == whole.uneven[-1] == 0.0


def test_learning_pauses_for_a_suspected_leak_and_not_for_ever() -> None:
    minutes = np.arange(8 * 288.0)
    noise = np.random.default_rng(5).normal(0.0, 0.001, len(minutes))
    memory = 0.2 + noise + np.maximum(minutes - 288.0, 0.0) * (0.7 / (7 * 288.0))
    found = _watch(memory, step=300.0)
    suspected = np.flatnonzero(found.significant)
    first = suspected[0]
    held_back = np.flatnonzero(~found.learns)
    assert held_back[0] == first
    assert found.learns[:first].all()
    assert found.learns[-1]
    assert found.significant[-1]
    assert (held_back[-1] - first) * 300.0 <= MOST_SECONDS


def test_a_noisier_service_hides_faster_leaks() -> None:
    seen = []
    for swing in (0.002, 0.1):
        engine = Evidence(1, 1)
        ticks = np.arange(6000.0)
        swings = 0.3 + swing * np.sin(2.0 * np.pi * ticks / 576.0)  # two days each
        row, time = np.zeros(6000, np.intp), START + 300.0 * ticks
        engine.observe(row, row, samples(time, swings))
        seen.append(engine.slowest_visible(0, 0, float(time[-1]), 1.0))
    quiet, noisy = seen
    assert noisy.growth > 2.0 * quiet.growth
    assert noisy.noise > 2.0 * quiet.noise
