"""The rivals on series whose verdict follows from their definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fleetleak_app.evaluation import rivals_table, synthetic
from fleetleak_app.evaluation.cases import Case, Floats
from fleetleak_app.evaluation.rivals import RIVALS, Rival
from fleetleak_app.evaluation.rivals.base import Lines, held
from fleetleak_app.evaluation.rivals.coroot import Coroot, longest_runs
from fleetleak_app.evaluation.rivals.mann_kendall import MannKendall, significance, theil_sen
from fleetleak_app.evaluation.rivals.naive_river import NaiveRiver
from fleetleak_app.evaluation.rivals.precog import Precog, Trained
from fleetleak_app.evaluation.rivals.predict_linear import PredictLinear
from fleetleak_app.evaluation.rivals.resample import medians, rolling_median
from fleetleak_app.evaluation.rivals.static_threshold import StaticThreshold
from tests.accuracy.support import DAY, HOUR, case

RULES = [rival for rival in RIVALS if not isinstance(rival, NaiveRiver)]
# A test at 1 % that is taken hundreds of times does fire on noise.
QUIET = [rival for rival in RULES if not isinstance(rival, MannKendall)]
# Precog asks for a trend longer than the ramp of six hours.
QUICK = [rival for rival in RULES if not isinstance(rival, Precog)]


def _noise(n: int) -> Floats:
    return np.random.default_rng(1).normal(0, 0.002, n)


def _ramp() -> Case:
    """A day of rest, then from .4 to 1 in six hours."""
    n = 30 * 60
    grown = np.clip((np.arange(n) - 24 * 60) / (6 * 60), 0, 1)
    return case(0.4 + 0.6 * grown + _noise(n))


def _by_name(rival: Rival) -> str:
    return rival.NAME


@pytest.mark.parametrize("rival", QUIET, ids=_by_name)
def test_flat_noise_raises_no_alert(rival: Rival) -> None:
    assert rival.alerts(case(0.4 + _noise(3 * 24 * 60))) == []


@pytest.mark.parametrize("rival", QUICK, ids=_by_name)
def test_a_clean_ramp_to_the_limit_is_found_while_it_lasts(rival: Rival) -> None:
    firing = [line["time"] for line in rival.alerts(_ramp()) if line["state"] == "firing"]
    assert any(DAY < time < 1.25 * DAY for time in firing)


@pytest.mark.parametrize("rival", RIVALS, ids=_by_name)
@pytest.mark.parametrize("scenario", ["leak-linear-12h", "clean-old-garbage", "clean-restarts"])
def test_no_rival_looks_ahead(rival: Rival, scenario: str) -> None:
    (telemetry,) = synthetic.simulate(synthetic.SCENARIOS[scenario])
    whole = _cut(telemetry.case(), telemetry.case().t0 + 40 * HOUR)
    alerts = rival.alerts(whole)
    for hours in (11, 26.5, 33):
        until = whole.t0 + hours * HOUR
        known = [line for line in alerts if line["time"] < until]
        assert rival.alerts(_cut(whole, until)) == known


def _cut(whole: Case, until: float) -> Case:
    kept = whole.times < until
    return replace(whole, times=whole.times[kept], used=whole.used[kept], total=whole.total[kept])


def test_held_counts_from_the_newest_beginning() -> None:
    times = np.arange(8, dtype=np.float64) * 60.0
    condition = np.array([1, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    assert held(times, condition, 120).tolist() == [0, 0, 1, 0, 0, 0, 1, 1]


def test_lines_are_those_of_polyfit() -> None:
    times, values = np.sort(np.random.default_rng(2).uniform(0, 1e6, 200)), 0.5 + _noise(200)
    lines = Lines(times, values)
    fit = lines.fit(np.array([10, 50]), np.array([60, 52]))
    for i, part in enumerate((slice(10, 60), slice(50, 52))):
        slope, intercept = np.polyfit(lines.hours[part], values[part], 1)
        assert fit.slope[i] == pytest.approx(slope, rel=1e-6)
        assert fit.at(np.array(0.0))[i] == pytest.approx(intercept, rel=1e-6)
    correlation = np.corrcoef(lines.hours[10:60], values[10:60])[0, 1]
    assert fit.r2[0] == pytest.approx(correlation**2, abs=1e-9)
    assert np.isnan(lines.fit(np.array([5]), np.array([6])).slope[0])


def test_static_threshold_waits_and_resolves() -> None:
    used = np.concatenate([np.full(60, 0.5), np.full(10, 0.9), np.full(10, 0.5), np.full(30, 0.9), [0.5]])
    lines = StaticThreshold("t", 0.8).alerts(case(used))
    assert [(line["time"] / 60, line["state"]) for line in lines] == [(95, "firing"), (110, "resolved")]


def test_predict_linear_knows_when_a_line_arrives() -> None:
    used = 0.2 + np.arange(300) / 60 * 0.1  # a tenth an hour: at sample t it takes 8 - t/60 hours
    (line,) = PredictLinear("p", HOUR, 4 * HOUR, hold=0).alerts(case(used))
    assert line["time"] == pytest.approx(4 * HOUR, abs=61)
    assert PredictLinear("p", HOUR, 4 * HOUR, min_share=0.9).alerts(case(used)) == []


def test_coroot_forgives_a_start_that_levels_off_but_not_a_restart() -> None:
    starting = np.concatenate([np.linspace(0.1, 0.5, 60), np.full(120, 0.5)])
    fired = [line["time"] for line in Coroot("c").alerts(case(starting)) if line["state"] == "firing"]
    assert all(time < 70 * 60 for time in fired)
    restarted = np.concatenate([np.full(40, 0.6), np.linspace(0.1, 0.4, 60)])
    assert any(line["time"] > 45 * 60 for line in Coroot("c").alerts(case(restarted)))


def test_the_longest_run_is_between_the_drops() -> None:
    begin, end = longest_runs(case(np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.9])), 5 * 60)
    assert (begin[3], end[3]) == (0, 2)
    assert (begin[5], end[5]) == (2, 6)


def test_coroot_is_blind_to_a_leak_of_a_hundredth_an_hour() -> None:
    assert Coroot("c").alerts(case(0.3 + np.arange(3600) / 60 * 0.01)) == []


def test_mann_kendall_by_hand() -> None:
    rising, tied = np.arange(10.0), np.array([1.0, 1, 1, 2, 2, 2, 3, 3, 3, 3])
    assert significance(rising) == pytest.approx(4.15e-5, abs=1e-7)  # S 45, variance 125: z 3.9355
    assert significance(rising[::-1]) > 0.999
    assert 0.0001 < significance(tied) < 0.005
    assert significance(np.ones(12)) == 1.0
    assert theil_sen(np.arange(5.0), np.array([0, 1, 2, 3, 100.0])) == 1.0


def test_precog_alarms_on_a_long_trend_but_not_on_one_it_has_been_trained_on() -> None:
    # Steps part the trends; both last ten hours and rise alike.
    rise = np.linspace(0, 0.3, 120)
    flat = np.tile([0.0, 0.002], 150)
    once = case(0.45 + np.concatenate([flat, rise, flat[:60]]), step=300.0)
    assert any(line["state"] == "firing" for line in Precog("p").alerts(once))
    low = case(0.05 + np.concatenate([flat, rise, flat[:60]]), step=300.0)
    assert Precog("p").alerts(low) == []
    trained = Trained(np.array([0.05, 0.01]), np.array([7.0, 20.0]), np.inf)
    slopes, durations = np.array([0.06, 0.04, 0.02]), np.array([8.0, 8.0, 21.0])
    assert trained.exceeded_by(slopes, durations).tolist() == [True, False, True]


def test_river_finds_a_jump_and_takes_a_steady_leak_for_normal() -> None:
    jump = 0.4 + _noise(700)
    jump[600:] += 0.3
    fired = [line["time"] for line in NaiveRiver("r", "both").alerts(case(jump)) if line["state"] == "firing"]
    assert 600 * 60.0 in fired
    leak = np.linspace(0.2, 0.9, 700)
    assert all(line["time"] < 300 * 60 for line in NaiveRiver("r", "both").alerts(case(leak)))


def test_medians_stand_at_the_newest_sample_and_leave_coarse_series_alone() -> None:
    times, values = np.array([0.0, 100, 299, 300, 900]), np.array([1.0, 3, 2, 9, 4])
    at, middle = medians(times, values, 300)
    assert (at.tolist(), middle.tolist()) == ([299, 300, 900], [2, 9, 4])
    coarse = medians(times * 10, values, 300)
    assert coarse[0].tolist() == (times * 10).tolist()
    assert rolling_median(times, values, 250).tolist() == [1, 2, 2.5, 3, 4]


def test_the_names_are_distinct_and_the_table_judges_them_all() -> None:
    assert len({rival.NAME for rival in RIVALS}) == len(RIVALS)
    cases = [_ramp()]
    reports = rivals_table.judge(cases, rivals_table.run(cases, RULES), resamples=0)
    assert list(reports) == [rival.NAME for rival in RULES]
