"""The promises of the evidence engine: order, cuts, state, bounds."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.columns import Flags, Floats, Rows
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.samples import Samples
from tests.evidence import streams
from tests.evidence.support import samples

INSTANCES, SERVICES = 7, 3
HOUR = 3600.0


def _stream(seed: int, size: int) -> tuple[Rows, Rows, Samples]:
    """Mixed series of seven instances of three services: noise, leaks, sawteeth, restarts."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, INSTANCES, size)
    step = np.array([0, 1, 2, 0, 1, 2, 0])
    time = 1.7e9 + np.cumsum(random.exponential(40.0, size))
    since = (time - time[0]) / HOUR
    slope = np.array([0.0, 0.002, 0.01, 0.0, 0.05, 0.0, 0.02])[rows]
    saw = np.where(rows % 3 == 0, 0.1 * (since * 2 % 1), 0.0)
    memory = np.minimum(0.2 + slope * since + saw + random.normal(0, 0.005, size), 1.0)
    return rows, step[rows].astype(np.intp), samples(time, memory, restarted=_restarts(rows, since))


def _restarts(rows: Rows, since: Floats) -> Flags:
    """The fifth instance restarts every eight hours."""
    restarted = np.zeros(len(rows), dtype=np.bool_)
    at = np.flatnonzero(rows == 4)
    restarted[at[1:]] = np.diff(np.floor(since[at] / 8.0)) > 0
    return restarted


def _part(given: Samples, cut: slice) -> Samples:
    return given.only(np.arange(len(given.time))[cut])


def _observe(engine: Evidence, stream: tuple[Rows, Rows, Samples], cuts: list[int]) -> list[TrendFindings]:
    rows, services, whole = stream
    edges = [0, *sorted(cuts), len(rows)]
    return [engine.observe(rows[a:b], services[a:b], _part(whole, slice(a, b))) for a, b in pairwise(edges)]


def _column(findings: list[TrendFindings], name: str) -> Floats:
    return np.concatenate([getattr(one, name) for one in findings])


def _same(a: list[TrendFindings], b: list[TrendFindings]) -> None:
    for field in fields(TrendFindings):
        if field.name != "seen":
            np.testing.assert_array_equal(_column(a, field.name), _column(b, field.name), err_msg=field.name)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 750), max_size=30))
def test_findings_do_not_depend_on_how_the_input_is_cut(seed: int, cuts: list[int]) -> None:
    stream = _stream(seed, 750)
    whole = _observe(Evidence(INSTANCES, SERVICES), stream, [])
    _same(whole, _observe(Evidence(INSTANCES, SERVICES), stream, cuts))


def test_findings_of_single_samples_equal_those_of_a_batch() -> None:
    stream = _stream(5, 400)
    whole = _observe(Evidence(INSTANCES, SERVICES), stream, [])
    _same(whole, _observe(Evidence(INSTANCES, SERVICES), stream, list(range(1, 400))))


@np.errstate(over="ignore", divide="ignore")  # what is normal for siblings that are days ahead
@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 1500), max_size=30))
def test_neither_findings_nor_state_of_trouble_depend_on_cuts(seed: int, cuts: list[int]) -> None:
    given = streams.stream(seed, 1500)
    one, many = Evidence(9, 4), Evidence(9, 4)
    _same(_observe(one, given, []), _observe(many, given, cuts))
    assert [one.instances.dump(row) for row in range(9)] == [many.instances.dump(row) for row in range(9)]
    assert [one.services.dump(row) for row in range(4)] == [many.services.dump(row) for row in range(4)]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 999))
def test_dumped_state_continues_identically_in_other_rows(seed: int, cut: int) -> None:
    rows, services, whole = stream = _stream(seed, 1000)
    expected = _observe(Evidence(INSTANCES, SERVICES), stream, [cut])[1:]
    first, second = Evidence(INSTANCES, SERVICES), Evidence(1, 1)
    first.observe(rows[:cut], services[:cut], _part(whole, slice(0, cut)))
    second.instances.grow(2 * INSTANCES)
    second.services.grow(2 * SERVICES)
    for row in range(INSTANCES):
        second.instances.load(2 * row, first.instances.dump(row))
    for row in range(SERVICES):
        second.services.load(2 * row, first.services.dump(row))
    _same(expected, [second.observe(2 * rows[cut:], 2 * services[cut:], _part(whole, slice(cut, None)))])


def test_state_stays_under_six_kilobytes() -> None:
    assert Evidence(1, 1).instances.nbytes() <= 6 * 1024


@pytest.mark.parametrize("damage", [b"", b"x" * 100])
def test_damaged_state_is_refused_and_leaves_a_new_row(damage: bytes) -> None:
    engine, new = Evidence(2, 1), Evidence(2, 1)
    stream = _stream(3, 200)
    _observe(Evidence(INSTANCES, SERVICES), stream, [])
    with pytest.raises(ValueError, match="bytes"):
        engine.instances.load(0, damage)
    assert engine.instances.dump(0) == new.instances.dump(0)


def test_a_flipped_bit_is_refused() -> None:
    engine = Evidence(INSTANCES, SERVICES)
    _observe(engine, _stream(3, 200), [])
    state = bytearray(engine.instances.dump(0))
    state[1000] ^= 1
    with pytest.raises(ValueError, match="not a state"):
        engine.instances.load(0, bytes(state))


@pytest.mark.parametrize("field", ["time", "memory", "used", "limit", "left"])
def test_values_that_are_not_finite_change_nothing(field: str) -> None:
    rows, services, whole = _stream(7, 600)
    engine = Evidence(INSTANCES, SERVICES)
    engine.observe(rows, services, whole)
    before = [engine.instances.dump(row) for row in range(INSTANCES)] + [engine.services.dump(0)]
    bad = _part(whole, slice(-1, None))
    bad = replace(bad, time=bad.time + 60.0)
    found = engine.observe(rows[-1:], services[-1:], replace(bad, **{field: np.array([np.nan])}))
    assert before == [engine.instances.dump(row) for row in range(INSTANCES)] + [engine.services.dump(0)]
    assert found.confidence[0] >= 0.0


def test_late_samples_change_nothing() -> None:
    rows, services, whole = _stream(7, 600)
    engine = Evidence(INSTANCES, SERVICES)
    engine.observe(rows, services, whole)
    before = [engine.instances.dump(row) for row in range(INSTANCES)]
    engine.observe(rows[:50], services[:50], _part(whole, slice(0, 50)))
    assert before == [engine.instances.dump(row) for row in range(INSTANCES)]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_findings_stay_in_their_bounds(seed: int) -> None:
    (found,) = _observe(Evidence(INSTANCES, SERVICES), _stream(seed, 1000), [])
    for name in ("confidence", "strength"):
        assert ((getattr(found, name) >= 0) & (getattr(found, name) <= 1)).all()
    forecast = ~np.isnan(found.eta)
    assert not forecast[~found.significant].any()
    assert (found.eta_low[forecast] <= found.eta[forecast]).all()
    assert (found.eta[forecast] <= found.eta_high[forecast]).all()
    assert (found.growth_low <= found.growth).all()
    assert (found.growth <= found.growth_high).all()


def test_a_new_start_time_is_a_restart_and_clears_the_trend() -> None:
    engine = Evidence(1, 1)
    minutes = np.arange(300, dtype=np.float64) * 60.0
    memory = 0.2 + minutes / 36000.0
    row = np.zeros(300, np.intp)
    engine.observe(row, row, samples(1.7e9 + minutes, memory, restarted=np.zeros(300, np.bool_)))
    later = samples(np.full(1, 1.7e9 + 18060.0), np.full(1, 0.2), restarted=np.ones(1, np.bool_))
    again = engine.observe(row[:1], row[:1], later)
    assert again.restarted[0]
    assert again.rise[0] == 0.0
