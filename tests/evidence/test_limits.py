"""A limit that moves changes what is left, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from processors.columns import Floats
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.samples import Samples
from tests.evidence.support import samples

SIZE, CHANGE = 1200, 900
MINUTE = 60.0
GIB = 2.0**30
TIME: Floats = 1.7e9 + MINUTE * np.arange(SIZE, dtype=np.float64)


def _leak() -> Floats:
    noise = np.random.default_rng(1).normal(0.0, 0.0005, SIZE)
    leak: Floats = GIB * (0.3 + noise + np.maximum(np.arange(SIZE) - 400.0, 0.0) * 0.0005)
    return leak


def _watch(given: Samples) -> TrendFindings:
    row = np.zeros(SIZE, np.intp)
    return Evidence(1, 1).observe(row, row, given)


def _limits(after: float) -> Floats:
    limits: Floats = np.where(np.arange(SIZE) < CHANGE, GIB, after)
    return limits


def test_a_raised_limit_moves_the_forecast_and_leaves_the_verdict() -> None:
    still, raised = (_watch(samples(TIME, _leak(), limit=limit)) for limit in (GIB, _limits(4 * GIB)))
    newest = slice(CHANGE, SIZE)
    np.testing.assert_allclose(raised.growth[newest], still.growth[newest], rtol=0.05)
    assert raised.confidence[newest].min() > 0.5
    assert (raised.kind[newest] == still.kind[newest]).all()
    left = raised.eta - TIME
    assert left[CHANGE] > 4 * (still.eta - TIME)[CHANGE]


def test_a_lowered_limit_leaves_shape_and_growth_as_they_are() -> None:
    wide, lowered = (_watch(samples(TIME, _leak(), limit=limit)) for limit in (4 * GIB, _limits(GIB)))
    newest = slice(CHANGE, SIZE)
    np.testing.assert_allclose(lowered.growth[newest], wide.growth[newest], rtol=0.05)
    assert not lowered.restarted.any()
    assert lowered.confidence[newest].min() > 0.8
    assert lowered.eta[CHANGE] < wide.eta[CHANGE]


@pytest.mark.parametrize("name", ["limit_of_the_host_alone", "limit_appears"])
def test_a_limit_that_goes_or_comes_ends_nothing(name: str) -> None:
    host = 16 * GIB
    limit = (
        _limits(host) if name == "limit_of_the_host_alone" else np.where(np.arange(SIZE) < CHANGE, host, GIB)
    )
    found = _watch(samples(TIME, _leak(), limit=limit))
    assert found.confidence[CHANGE + 10 :].min() > 0.5


def test_a_limit_that_follows_the_usage_hides_nothing() -> None:
    memory = _leak()
    steps = np.maximum.accumulate(np.ceil(memory / (0.1 * GIB)) * 0.1 * GIB * 1.25)
    found = _watch(samples(TIME, memory, limit=steps))
    assert found.confidence[CHANGE:].min() > 0.8


def test_verdicts_do_not_depend_on_the_unit() -> None:
    shares = _watch(samples(TIME, _leak() / GIB, limit=1.0))
    whole = _watch(samples(TIME, _leak(), limit=GIB))
    np.testing.assert_allclose(whole.confidence, shares.confidence, atol=1e-4)


def test_the_host_can_run_out_before_the_limit() -> None:
    given = samples(TIME, _leak(), limit=GIB)
    tight = replace(given, left=np.minimum(given.left, 0.1 * GIB))
    early, late = _watch(tight), _watch(given)
    assert early.eta[-1] < late.eta[-1]
    np.testing.assert_array_equal(early.confidence, late.confidence)
