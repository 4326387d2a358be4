"""The words say what the numbers are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from processors.columns import Floats
from processors.evidence.findings import TrendFindings
from processors.evidence.reasons import reasons, turning_points
from processors.evidence.samples import Samples
from tests.evidence.support import samples, watch

GIB = 2.0**30


def _each(memory: Floats, step: float = 60.0) -> Samples:
    time: Floats = 1.7e9 + step * np.arange(len(memory), dtype=np.float64)
    return samples(time, GIB * memory, limit=GIB)


def _series() -> Iterator[tuple[str, Samples]]:
    noise = np.random.default_rng(1)
    leak = 0.2 + np.concatenate([np.zeros(600), np.arange(600) * 0.001])
    yield "leak", _each(leak + noise.normal(0, 0.002, 1200))
    yield "steep", _each(0.1 + 0.004 * np.arange(40, dtype=np.float64), step=1.0)
    bend = 0.3 + 0.2 * (1.0 - np.exp(-np.arange(900) / 120.0))
    yield "bend", _each(bend + noise.normal(0, 0.001, 900))


@pytest.fixture(scope="module")
def found() -> dict[str, TrendFindings]:
    return watch(dict(_series()))


def _turning_point(found: TrendFindings, index: int) -> str:
    (sign,) = turning_points(found, np.array([index]))
    return sign


def test_a_leak_has_three_reasons_with_its_growth(found: dict[str, TrendFindings]) -> None:
    said = reasons(found["leak"], 1199)
    assert len(said) == 3
    assert any("61 MiB/h" in text and "of the limit" in text for text in said)


def test_a_growth_of_seconds_is_not_told_by_the_hour(found: dict[str, TrendFindings]) -> None:
    said = reasons(found["steep"], 39)
    assert any("MiB/min" in text or "GiB/min" in text for text in said)


def test_a_leak_names_the_sign_that_decided(found: dict[str, TrendFindings]) -> None:
    assert "decided by" in _turning_point(found["leak"], 1199)


def test_a_growth_that_is_no_leak_says_what_speaks_against_it(found: dict[str, TrendFindings]) -> None:
    bend = found["bend"]
    shown = np.flatnonzero(np.isfinite(bend.margin) & (bend.margin < 0))
    assert len(shown) > 0
    assert "not enough for" in _turning_point(bend, int(shown[-1]))


def test_many_signs_at_once_are_those_of_each_alone(found: dict[str, TrendFindings]) -> None:
    for findings in found.values():
        shown = np.flatnonzero(np.isfinite(findings.margin))
        assert turning_points(findings, shown) == [_turning_point(findings, int(at)) for at in shown]
