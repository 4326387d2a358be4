"""A limit that moves changes what is left, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from processors.columns import Floats
from processors.evidence.findings import TrendFindings
from processors.evidence.samples import Samples
from tests.evidence.support import samples, watch

SIZE, CHANGE = 1200, 900
NEWEST = slice(CHANGE, SIZE)
MINUTE = 60.0
GIB = 2.0**30
TIME: Floats = 1.7e9 + MINUTE * np.arange(SIZE, dtype=np.float64)


def _leak() -> Floats:
    noise = np.random.default_rng(1).normal(0.0, 0.0005, SIZE)
    leak: Floats = GIB * (0.3 + noise + np.maximum(np.arange(SIZE) - 400.0, 0.0) * 0.0005)
    return leak


def _limits(after: float, before: float = GIB) -> Floats:
    limits: Floats = np.where(np.arange(SIZE) < CHANGE, before, after)
    return limits


def _each(limit: Floats | float, memory: Floats | None = None) -> Samples:
    return samples(TIME, _leak() if memory is None else memory, limit=limit)


def _series() -> Iterator[tuple[str, Samples]]:
    host, one = 16 * GIB, _each(GIB)
    yield "still", one
    yield "raised", _each(_limits(4 * GIB))
    yield "wide", _each(4 * GIB)
    yield "lowered", _each(_limits(GIB, before=4 * GIB))
    yield "goes", _each(_limits(host))
    yield "comes", _each(_limits(GIB, before=host))
    yield "follows", _each(np.maximum.accumulate(np.ceil(_leak() / (0.1 * GIB)) * 0.1 * GIB * 1.25))
    yield "shares", _each(1.0, _leak() / GIB)
    yield "tight host", replace(one, left=np.minimum(one.left, 0.1 * GIB))


@pytest.fixture(scope="module")
def found() -> dict[str, TrendFindings]:
    return watch(dict(_series()))


def test_a_raised_limit_moves_the_forecast_and_leaves_the_verdict(found: dict[str, TrendFindings]) -> None:
    still, raised = found["still"], found["raised"]
    np.testing.assert_allclose(raised.growth[NEWEST], still.growth[NEWEST], rtol=0.05)
    assert raised.confidence[NEWEST].min() > 0.5
    assert (raised.kind[NEWEST] == still.kind[NEWEST]).all()
    left = raised.eta - TIME
    assert left[CHANGE] > 4 * (still.eta - TIME)[CHANGE]


def test_a_lowered_limit_leaves_shape_and_growth_as_they_are(found: dict[str, TrendFindings]) -> None:
    wide, lowered = found["wide"], found["lowered"]
    np.testing.assert_allclose(lowered.growth[NEWEST], wide.growth[NEWEST], rtol=0.05)
    assert not lowered.restarted.any()
    assert lowered.confidence[NEWEST].min() > 0.8
    assert lowered.eta[CHANGE] < wide.eta[CHANGE]


@pytest.mark.parametrize("name", ["goes", "comes"])
def test_a_limit_below_that_of_the_host_goes_or_comes_and_ends_nothing(
    found: dict[str, TrendFindings], name: str
) -> None:
    assert found[name].confidence[CHANGE + 10 :].min() > 0.5


def test_a_limit_that_follows_the_usage_hides_nothing(found: dict[str, TrendFindings]) -> None:
    assert found["follows"].confidence[NEWEST].min() > 0.8


def test_verdicts_do_not_depend_on_the_unit(found: dict[str, TrendFindings]) -> None:
    np.testing.assert_allclose(found["still"].confidence, found["shares"].confidence, atol=1e-4)


def test_the_host_can_run_out_before_the_limit(found: dict[str, TrendFindings]) -> None:
    early, late = found["tight host"], found["still"]
    assert early.eta[-1] < late.eta[-1]
    np.testing.assert_array_equal(early.confidence, late.confidence)
