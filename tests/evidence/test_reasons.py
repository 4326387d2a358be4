"""The words say what the numbers are."""

from __future__ import annotations

import numpy as np

from processors.columns import Floats
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.reasons import reasons, turning_point
from tests.evidence.support import samples

GIB = 2.0**30


def _watch(memory: Floats) -> TrendFindings:
    row = np.zeros(len(memory), np.intp)
    time = 1.7e9 + 60.0 * np.arange(len(memory), dtype=np.float64)
    return Evidence(1, 1).observe(row, row, samples(time, GIB * memory, limit=GIB))


def _leak() -> TrendFindings:
    noise = np.random.default_rng(1).normal(0, 0.002, 1200)
    return _watch(0.2 + noise + np.concatenate([np.zeros(600), np.arange(600) * 0.001]))


def test_a_leak_has_three_reasons_with_its_growth() -> None:
    said = reasons(_leak(), 1199)
    assert len(said) == 3
    assert any("61 MiB/h" in text and "of the limit" in text for text in said)


def test_a_growth_of_seconds_is_not_told_by_the_hour() -> None:
    row = np.zeros(40, np.intp)
    time = 1.7e9 + np.arange(40, dtype=np.float64)
    steep = samples(time, GIB * (0.1 + 0.004 * np.arange(40, dtype=np.float64)), limit=GIB)
    said = reasons(Evidence(1, 1).observe(row, row, steep), 39)
    assert any("MiB/min" in text or "GiB/min" in text for text in said)


def test_a_leak_names_the_sign_that_decided() -> None:
    assert "decided by" in turning_point(_leak(), 1199)


def test_still_memory_has_no_reasons() -> None:
    still = _watch(np.full(500, 0.3))
    assert reasons(still, 499) == []
    assert turning_point(still, 499) == "nothing grows"


def test_a_growth_that_is_no_leak_says_what_speaks_against_it() -> None:
    noise = np.random.default_rng(1).normal(0, 0.001, 900)
    bend = 0.3 + 0.2 * (1.0 - np.exp(-np.arange(900) / 120.0)) + noise
    found = _watch(bend)
    shown = np.flatnonzero(np.isfinite(found.margin) & (found.margin < 0))
    assert len(shown) > 0
    assert "not enough for" in turning_point(found, int(shown[-1]))
