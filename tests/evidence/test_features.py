"""FlowFeatures say what was put into the series; the baseline, the pause of learning and lost samples too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from processors.columns import Floats
from processors.evidence.engine import Evidence
from processors.evidence.features import TIME_SCALES, FlowFeatures, read
from processors.evidence.findings import TrendFindings
from processors.evidence.learning_pause import MOST_SECONDS
from processors.evidence.samples import Samples
from tests.evidence.support import samples, side_by_side, watch

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
START = 1.7e9
SIZE = 3000
TICKS: Floats = np.arange(SIZE, dtype=np.float64)
GROWTH = 0.1 / DAY
SWAP: Floats = 1e-5 * np.arange(2000, dtype=np.float64)
GAP_AT = 500


def _each(
    memory: Floats, step: float = MINUTE, faults: Floats | None = None, swap: Floats | None = None
) -> Samples:
    time: Floats = START + step * np.arange(len(memory), dtype=np.float64)
    return samples(time, memory, faults=faults, swap=swap)


def _calm_then_growth(gap: float) -> Samples:
    calm = 0.3 + np.random.default_rng(3).normal(0.0, 0.005, 1000)
    memory = np.concatenate([calm, np.linspace(0.3, 0.9, 300)])
    time: Floats = START + MINUTE * np.arange(1300, dtype=np.float64)
    time[GAP_AT:] += gap
    return samples(time, memory)


def _late_leak() -> Samples:
    minutes = np.arange(8 * 288.0)
    noise = np.random.default_rng(5).normal(0.0, 0.001, len(minutes))
    memory = 0.2 + noise + np.maximum(minutes - 288.0, 0.0) * (0.7 / (7 * 288.0))
    return _each(memory, step=5 * MINUTE)


def _series() -> Iterator[tuple[str, Samples]]:
    yield "ramp", _each(0.2 + GROWTH * MINUTE * TICKS)
    yield "sawtooth", _each(0.3 + 0.1 * (TICKS / 60.0 % 1.0), step=2 * MINUTE)
    yield "noise", _each(0.5 + np.random.default_rng(1).normal(0.0, 0.01, SIZE))
    random = np.random.default_rng(2)
    taken, other = random.uniform(0.0, 1e-4, SIZE), random.uniform(0.0, 100.0, SIZE)
    yield "faults with memory", _each(0.1 + np.cumsum(taken), faults=1e6 * taken)
    yield "faults without memory", _each(0.1 + np.cumsum(taken), faults=other)
    yield "swap", _each(np.full(len(SWAP), 0.5), swap=SWAP)
    swing = 0.02 * np.sin(2.0 * np.pi * TICKS / 360.0)
    yield "swing", _each(0.2 + 0.4 * TICKS / SIZE + swing)
    yield "short gap", _calm_then_growth(4 * MINUTE)
    yield "long gap", _calm_then_growth(4 * MINUTE + HOUR)
    kept = np.flatnonzero(np.random.default_rng(4).random(SIZE) > 0.2).astype(np.float64)
    yield "a fifth lost", samples(START + MINUTE * kept, np.full(len(kept), 0.3))
    yield "nothing lost", _each(np.full(SIZE, 0.3))
    yield "late leak", _late_leak()


SERIES = dict(_series())


@pytest.fixture(scope="module")
def found() -> dict[str, TrendFindings]:
    return watch(SERIES)


def _features(found: TrendFindings) -> FlowFeatures:
    (features,) = read(found.flows[-1:])
    return features


def test_a_steady_growth_is_its_rate_at_every_scale_it_has_lasted_for(
    found: dict[str, TrendFindings],
) -> None:
    features = _features(found["ramp"])
    assert features.growth[:2] == pytest.approx([GROWTH] * 2, rel=0.01)
    assert features.deallocation == pytest.approx([0.0] * 4, abs=1e-9)
    # Two days of data are not yet a week's.
    assert 0 < features.growth[TIME_SCALES.index(7 * DAY)] < 0.5 * GROWTH


def test_what_is_given_back_is_not_growth(found: dict[str, TrendFindings]) -> None:
    features = _features(found["sawtooth"])
    day = TIME_SCALES.index(DAY)
    assert features.allocation[day] == pytest.approx(features.deallocation[day], rel=0.05)
    assert features.allocation[day] == pytest.approx(0.1 / (2 * HOUR), rel=0.1)
    # One tooth in sixty samples; the memory is highest just before it falls.
    assert features.collections_per_sample == pytest.approx(1 / 60, rel=0.2)
    assert features.collection_correlation > 0.1
    assert features.autocorrelation[day] > 0.8


def test_noise_has_volatility_and_no_memory_of_itself(found: dict[str, TrendFindings]) -> None:
    features = _features(found["noise"])
    assert features.volatility[1] == pytest.approx(0.02, rel=0.3)
    assert abs(features.autocorrelation[2]) < 0.2


@pytest.mark.parametrize(("how", "least", "most"), [("with", 0.8, 1.0), ("without", -0.3, 0.3)])
def test_faults_are_set_against_what_is_taken(
    found: dict[str, TrendFindings], how: str, least: float, most: float
) -> None:
    features = _features(found[f"faults {how} memory"])
    assert least <= features.fault_correlation <= most


def test_swap_has_its_own_growth(found: dict[str, TrendFindings]) -> None:
    features = _features(found["swap"])
    assert features.swap == pytest.approx(SWAP[-1], rel=1e-6)
    assert features.swap_growth == pytest.approx(1e-5 / MINUTE, rel=0.01)


def test_a_swing_on_a_growth_has_its_period(found: dict[str, TrendFindings]) -> None:
    assert found["swing"].period[-500:] == pytest.approx(360.0 * MINUTE, rel=0.25)


def test_the_baseline_is_the_longest_steady_stretch_and_short_gaps_do_not_end_it(
    found: dict[str, TrendFindings],
) -> None:
    time = SERIES["short gap"].time
    begin, end, mean = found["short gap"].baseline[-1]
    assert begin == START
    assert time[999] <= end < time[1150]
    assert mean == pytest.approx(0.3, abs=0.02)
    begin, *_ = found["long gap"].baseline[-1]
    assert begin == SERIES["long gap"].time[GAP_AT]


def test_lost_samples_are_counted(found: dict[str, TrendFindings]) -> None:
    assert found["a fifth lost"].lost[-1] == pytest.approx(0.2, abs=0.05)
    assert found["nothing lost"].lost[-1] == found["nothing lost"].uneven[-1] == 0.0


def test_learning_pauses_for_a_suspected_leak_and_not_for_ever(found: dict[str, TrendFindings]) -> None:
    leak = found["late leak"]
    first = np.flatnonzero(leak.significant)[0]
    held_back = np.flatnonzero(~leak.learns)
    assert held_back[0] == first
    assert leak.learns[:first].all()
    assert leak.learns[-1]
    assert leak.significant[-1]
    assert (held_back[-1] - first) * 5 * MINUTE <= MOST_SECONDS


def test_a_noisier_service_hides_faster_leaks() -> None:
    step = 15 * MINUTE
    two_days = 2.0 * np.pi * np.arange(2000.0) / 192.0
    swings = [_each(0.3 + swing * np.sin(two_days), step) for swing in (0.002, 0.1)]
    engine = Evidence(2, 2)
    rows, together = side_by_side(swings)
    engine.observe(rows, rows, together)
    end = float(together.time[-1])
    quiet, noisy = (engine.slowest_visible(row, row, end, 1.0) for row in (0, 1))
    assert noisy.growth > 2.0 * quiet.growth
    assert noisy.noise > 2.0 * quiet.noise
