"""The usual rules, fed sample by sample: they fire exactly as on the whole series at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetleak_app.backtest.rules import RULES, Followed
from fleetleak_app.evaluation.cases import Case, Floats
from fleetleak_app.evaluation.rivals.base import DAY, HOUR
from tests.backtest import fleet

BEGIN = 1_790_000_040.0
GAP = 3 * HOUR
Spans = list[tuple[float, float]]


def followed(times: Floats, shares: Floats, end: float | None = None) -> list[Spans]:
    rules = Followed("one", GAP)
    for time, share in zip(times.tolist(), shares.tolist(), strict=True):
        rules.add(time, share)
    rules.end(times[-1] if end is None else end)
    return list(rules.spans)


def at_once(times: Floats, shares: Floats) -> list[Spans]:
    """Return the spans of each rule on all of a series, which begins anew after each gap."""
    cuts = np.flatnonzero(np.diff(times) > GAP) + 1
    every: list[Spans] = [[] for _ in RULES]
    for own, values in zip(np.split(times, cuts), np.split(shares, cuts), strict=True):
        # The same precision as of the shares that are kept.
        kept = values.astype(np.float32).astype(float)
        case = Case("one", own, kept, np.ones(len(own)), "", "", (), (), own[0], own[-1])
        last = math.inf if own[-1] == times[-1] else float(own[-1])
        for rule, spans in zip(RULES, every, strict=True):
            for alert in rule.alerts(case):
                if alert["state"] == "firing":
                    spans.append((alert["time"], last))
                else:
                    spans[-1] = spans[-1][0], alert["time"]
    return every


def of_fleet(tick: int) -> Iterator[float]:
    """Yield the used share of the containers of the fleet."""
    for seed in (1, 2):
        yield fleet.leaking(tick, 0, seed).memory / fleet.LIMIT
    yield fleet.steady(tick, 0, 400, 100, 3).memory / fleet.LIMIT


@pytest.mark.parametrize("number", range(3))
def test_the_series_of_the_fleet(number: int) -> None:
    ticks = range(int(fleet.DAYS * DAY / fleet.STEP))
    shares = np.array([list(of_fleet(tick))[number] for tick in ticks])
    times = BEGIN + fleet.STEP * np.arange(len(shares), dtype=float)
    spans = followed(times, shares)
    assert spans == at_once(times, shares)
    assert spans[0]  # otherwise this shows nothing


def fast_leaks(days: float, every: float, seed: int) -> tuple[Floats, Floats]:
    """Return leaks of 6 to 24 hours that end with restarts, and noise: both rules fire."""
    chance = np.random.default_rng(seed)
    times = BEGIN + np.arange(0, days * DAY, every)
    shares, share, slope = np.empty(len(times)), 0.2, 0.1
    for i in range(len(times)):
        share += slope * every / HOUR
        if share > 0.97 or chance.random() < every / (30 * HOUR):
            share, slope = chance.uniform(0.1, 0.4), chance.choice([0, 0.03, 0.06, 0.1, 0.3])
        shares[i] = share + chance.normal(0, 0.003)
    return times, np.clip(shares, 0, 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("every", [15, 60, 300])
def test_leaks_of_every_speed(seed: int, every: int) -> None:
    times, shares = fast_leaks(12 if every > 15 else 3, every, seed)
    spans = followed(times, shares)
    assert spans == at_once(times, shares)
    assert spans[0]
    if every < 300:  # ten samples in a third of an hour
        assert spans[1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(10, 900), st.floats(-0.4, 0.4), st.sampled_from([0.0, 0.0, 0.5, 7.0, 30.0])),
        min_size=1,
        max_size=9,
    ),
    st.integers(0, 2**31),
)
def test_any_shape_with_gaps(parts: list[tuple[int, float, float]], seed: int) -> None:
    """Each part rises or falls by a share an hour, and is followed by a gap of some hours."""
    chance = np.random.default_rng(seed)
    times: list[float] = []
    shares: list[float] = []
    time, share = BEGIN, 0.5
    for steps, slope, gap in parts:
        for _ in range(steps):
            share += slope / 60
            share = 0.1 if share > 1 else max(share, 0.05)
            times.append(time)
            shares.append(min(1.0, share + chance.normal(0, 0.004)))
            time += 60
        time += gap * HOUR
    assert followed(np.array(times), np.array(shares)) == at_once(np.array(times), np.array(shares))


def test_spans_are_in_order_and_apart() -> None:
    times, shares = fast_leaks(40, 60, 9)
    for spans in followed(times, shares):
        assert len(spans) > 5
        assert all(begin < end for begin, end in spans)
        assert all(one[1] < other[0] for one, other in pairwise(spans))


def test_what_fires_at_the_end_has_no_end() -> None:
    times = BEGIN + 60 * np.arange(2 * 1440.0)
    _, linear, coroot = followed(times, np.linspace(0.3, 0.99, len(times)))
    assert len(linear) == 1
    assert linear[0][1] == math.inf
    assert coroot == []


def test_a_gap_at_the_end_ends_what_fires() -> None:
    times = BEGIN + 60 * np.arange(2 * 1440.0)
    shares = np.linspace(0.3, 0.99, len(times))
    _, ((begin, end),), _ = followed(times, shares, end=times[-1] + GAP)
    assert end == math.inf
    assert followed(times, shares, end=times[-1] + GAP + 1)[1:] == [[(begin, times[-1])], []]


def test_nothing_and_one_sample() -> None:
    rules = Followed("one", longest_gap=600.0)
    rules.end(BEGIN)
    rules.add(BEGIN, 0.9)
    rules.end(BEGIN)
    rules.end(BEGIN + 3600)
    assert rules.spans == ([], [], [])


def test_a_gap_ends_what_fired_and_the_rule_looks_back_at_nothing_before_it() -> None:
    rules = Followed("one", longest_gap=600.0)
    times = BEGIN + 60 * np.arange(2 * 1440.0)
    shares = np.linspace(0.3, 0.99, len(times)).tolist()
    for time, share in zip(times.tolist(), shares, strict=True):
        rules.add(time, share)
    after = times[-1] + DAY
    for tick in range(1440):
        rules.add(after + 60 * tick, 0.8)  # as full as before, but level
    rules.end(after + DAY)
    assert [end for _, end in rules.spans[1]] == [times[-1]]
