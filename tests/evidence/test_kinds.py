"""Each process has its shape: what the engine calls it, and whether it suspects a leak."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from processors.columns import Floats
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.samples import Samples
from processors.evidence.signature import KINDS
from tests.evidence.support import samples, watch

SIZE = 2000
GROWTH = 800  # the last samples, one a minute
AT: Floats = np.linspace(0.0, 1.0, GROWTH)
SAW: Floats = 0.3 * (np.arange(SIZE, dtype=np.float64) / 40.0 % 1.0)


def _each(memory: Floats, load: Floats | None = None, step: float = 60.0) -> Samples:
    time: Floats = 1.7e9 + step * np.arange(len(memory), dtype=np.float64)
    return samples(time, memory, load=load)


def _with(shape: Floats, noise: float = 0.003, seed: int = 1) -> Floats:
    quiet = np.zeros(SIZE - len(shape))
    grown: Floats = 0.2 + np.concatenate([quiet, shape])
    return grown + np.random.default_rng(seed).normal(0.0, noise, SIZE)


LEAKS: dict[str, Floats] = {
    "linear": 0.6 * AT,
    "exponential": 0.6 * np.expm1(4.0 * AT) / np.expm1(4.0),
    "fragmentation": 0.6 * np.sqrt(AT),
    "staircase": 0.6 * np.floor(AT * 8.0) / 8.0,
    "periodic": 0.6 * (AT - np.sin(2.0 * np.pi * 4.0 * AT) / (2.0 * np.pi * 4.0)),
}


BENIGN: dict[str, Floats] = {
    "still": np.zeros(GROWTH),
    "step": np.where(AT > 0.3, 0.3, 0.0),
    "cache": 0.1 * (1.0 - np.exp(-8.0 * AT)),
    "sawtooth": SAW,
}


def _series() -> Iterator[tuple[str, Samples]]:
    for name, shape in (LEAKS | BENIGN).items():
        yield name, _each(_with(shape))
    hump = np.concatenate([np.zeros(1200), np.sin(np.linspace(0, np.pi / 2, 800)) ** 2])
    memory = 0.2 + 0.5 * hump + np.random.default_rng(3).normal(0.0, 0.003, SIZE)
    yield "hump", _each(memory)
    yield "hump of load", _each(memory, 2.0 + 5.0 * hump)
    ticks = np.arange(5 * 288, dtype=np.float64)
    day = 0.4 - 0.25 * np.cos(2.0 * np.pi * ticks / 288.0)
    yield "daily", _each(day + np.random.default_rng(3).normal(0.0, 0.002, len(ticks)), step=300.0)
    days = np.arange(40, dtype=np.float64)
    yield "sparse", _each(0.1 + np.where(days > 15, 0.02 * (days - 15), 0.0), step=64800.0)


@pytest.fixture(scope="module")
def found() -> dict[str, TrendFindings]:
    return watch(dict(_series()))


@pytest.mark.parametrize("kind", list(LEAKS))
def test_leaks_are_suspected_and_called_by_their_shape(found: dict[str, TrendFindings], kind: str) -> None:
    leak = found[kind]
    assert leak.confidence.max() > 0.8
    newest = leak.kind[leak.confidence > 0.8][-200:]
    assert (newest == KINDS.index(kind)).mean() > 0.8


@pytest.mark.parametrize("name", list(BENIGN))
def test_what_only_looks_like_a_leak_is_not_suspected(found: dict[str, TrendFindings], name: str) -> None:
    assert found[name].confidence[SIZE // 2 :].max() < 0.5


def test_a_hump_that_follows_the_load_is_load(found: dict[str, TrendFindings]) -> None:
    assert found["hump"].confidence.max() > 0.8
    assert found["hump of load"].confidence.max() < 0.5
    assert KINDS.index("load") in found["hump of load"].kind


def test_the_rising_half_of_a_day_is_not_a_leak_once_a_day_was_seen(found: dict[str, TrendFindings]) -> None:
    assert found["daily"].confidence[2 * 288 :].max() < 0.5


def test_the_forecast_covers_the_end_of_a_straight_leak(found: dict[str, TrendFindings]) -> None:
    leak = found["linear"]
    end = 1.7e9 + 60.0 * (SIZE - GROWTH + GROWTH / 0.6 * 0.8)
    late = np.flatnonzero(~np.isnan(leak.eta))[-200:]
    assert ((leak.eta_low[late] < end) & (end < leak.eta_high[late])).mean() > 0.9
    assert np.abs(leak.onset[late] - (1.7e9 + 60.0 * (SIZE - GROWTH))).max() < 60.0 * GROWTH / 4


def test_sparse_series_are_judged_too(found: dict[str, TrendFindings]) -> None:
    assert found["sparse"].confidence.max() > 0.8


def test_siblings_lend_what_is_normal() -> None:
    """A new instance of a service whose instances gain and give back is not suspected at its first rise."""
    engine = Evidence(2, 2)
    ticks = np.arange(1500)
    older = _each(0.2 + 0.35 * (ticks / 250.0 % 1.0), step=120.0)
    row = np.zeros(len(ticks), np.intp)
    engine.observe(row, row, older)
    first = slice(0, 240)
    younger = samples(older.time[first] + 180000.0, older.memory[first])
    warm = engine.observe(row[first] + 1, row[first], younger)
    cold = Evidence(1, 1).observe(row[first], row[first], younger)
    assert warm.normal_rise[50:].max() > 0.2
    assert cold.normal_rise.max() < 0.05
    assert warm.confidence.max() < 0.1
