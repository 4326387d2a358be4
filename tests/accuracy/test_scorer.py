"""The scorer on cases whose figures can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from fleetleak_app.evaluation import scorer
from fleetleak_app.evaluation.alerts import Alert, by_case
from fleetleak_app.evaluation.cases import Leak
from tests.accuracy.support import DAY, HOUR, alert, days, leak


def _spans(lines: list[Alert], *leaks: Leak) -> list[tuple[float, float]]:
    return [(e.start / HOUR, e.end / HOUR) for e in scorer.episodes(lines, leaks)]


def _pair(begin: float, end: float) -> list[Alert]:
    return [alert(begin * HOUR), alert(end * HOUR, "resolved")]


def test_an_episode_lasts_from_firing_to_resolved_and_updates_belong_to_it() -> None:
    lines = [alert(HOUR), alert(2 * HOUR, "updated"), alert(3 * HOUR, "resolved")]
    (episode,) = scorer.episodes(lines, ())
    assert (episode.start, episode.end, len(episode.lines)) == (HOUR, 3 * HOUR, 2)


def test_firing_again_within_six_hours_continues_the_episode() -> None:
    assert _spans(_pair(0, 1) + _pair(6.9, 8)) == [(0, 8)]
    assert _spans(_pair(0, 1) + _pair(7, 8)) == [(0, 1), (7, 8)]


def test_a_leak_that_begins_in_the_gap_parts_the_episodes() -> None:
    assert _spans(_pair(0, 1) + _pair(4, 5), leak(3 * HOUR, 9 * HOUR)) == [(0, 1), (4, 5)]


def test_an_alert_that_is_never_resolved_stands_for_ever() -> None:
    assert _spans([alert(HOUR), alert(2 * HOUR)]) == [(1, math.inf)]


def test_resolving_what_does_not_fire_is_nothing() -> None:
    assert _spans([alert(HOUR, "resolved")]) == []


def test_lines_may_come_in_any_order() -> None:
    assert _spans(list(reversed(_pair(0, 1)))) == [(0, 1)]


def test_found_missed_and_false_are_counted() -> None:
    series = days(10, leaks=(leak(2 * DAY, 4 * DAY), leak(6 * DAY, 8 * DAY)))
    summary = scorer.score([series], [alert(DAY), *_pair(25, 26), *_pair(49 + 11, 70)], resamples=0).overall
    # The first alert has no end before the second line of its episode: two episodes, one false, one true.
    assert (summary.leaks, summary.false_alarms) == (2, 1)
    assert summary.recall == 0.5
    assert summary.precision == 0.5
    assert summary.f1 == 0.5
    assert summary.false_alarms_per_100_days == pytest.approx(100 / 6)


def test_lead_is_the_share_of_life_left_and_a_miss_counts_nothing() -> None:
    series = days(10, leaks=(leak(2 * DAY, 4 * DAY), leak(6 * DAY, 8 * DAY)))
    summary = scorer.score([series], [alert(2.5 * DAY)], resamples=0).overall
    assert summary.lead == summary.lead_p10 == 0.75
    assert summary.lead_all == 0.375  # the median of .75 and 0
    assert summary.delay_hours == 12


def test_only_the_first_alert_in_a_leak_gives_its_lead() -> None:
    series = days(10, leaks=(leak(2 * DAY, 6 * DAY),))
    lines = [*_pair(3 * 24, 3 * 24 + 1), *_pair(5 * 24, 5 * 24 + 1)]
    summary = scorer.score([series], lines, resamples=0).overall
    assert (summary.lead, summary.recall, summary.precision) == (0.75, 1.0, 1.0)


def test_an_alert_in_an_ambiguous_stretch_is_neither_right_nor_wrong() -> None:
    series = days(10, ambiguous=((DAY, 3 * DAY),))
    summary = scorer.score([series], _pair(30, 31), resamples=0).overall
    assert summary.false_alarms == 0
    assert math.isnan(summary.precision)
    assert summary.f1 == 0.0


def test_an_ambiguous_stretch_is_no_clean_time_and_its_end_is_open() -> None:
    series = days(10, ambiguous=((DAY, 3 * DAY),))
    summary = scorer.score([series], _pair(72, 73), resamples=0).overall
    assert summary.false_alarms_per_100_days == pytest.approx(100 / 8)


def test_an_alert_that_still_stands_when_the_leak_begins_finds_it_at_the_onset() -> None:
    series = days(10, leaks=(leak(3 * DAY, 5 * DAY),), ambiguous=((2 * DAY, 3 * DAY),))
    standing = scorer.score([series], _pair(60, 80), resamples=0).overall
    gone = scorer.score([series], _pair(60, 70), resamples=0).overall
    assert (standing.recall, standing.lead) == (1.0, 1.0)
    assert gone.recall == 0.0


def test_the_last_kind_named_within_the_leak_counts() -> None:
    series = days(10, leaks=(leak(2 * DAY, 4 * DAY, kind="staircase"),))
    lines = [
        alert(2.5 * DAY, kind="linear"),
        alert(3 * DAY, "updated", kind="staircase"),
        alert(4.5 * DAY, "updated", kind="periodic"),
    ]
    report = scorer.score([series], lines, resamples=0)
    assert report.overall.kind_accuracy == 1.0
    assert report.by_kind["staircase"].kind_accuracy == 1.0
    assert report.confusion == {"staircase->staircase": 1}


def test_a_leak_of_unknown_kind_says_nothing_of_kinds() -> None:
    series = days(10, leaks=(leak(2 * DAY, 4 * DAY, kind=None),))
    report = scorer.score([series], [alert(3 * DAY, kind="linear")], resamples=0)
    assert math.isnan(report.overall.kind_accuracy)
    assert report.confusion == {}


def test_eta_coverage_and_relative_width() -> None:
    series = days(10, leaks=(leak(2 * DAY, 6 * DAY),))
    lines = [
        alert(3 * DAY, eta=6 * DAY, eta_low=5 * DAY, eta_high=8 * DAY),  # covers; width 3/3
        alert(4 * DAY, "updated", eta=5 * DAY, eta_low=4.5 * DAY, eta_high=5.5 * DAY),  # misses; width 1/2
    ]
    summary = scorer.score([series], lines, resamples=0).overall
    assert summary.eta_coverage == 0.5
    assert summary.eta_width == 0.75
    assert summary.eta_error == 0.25  # the median of 0 and 1/2


def test_the_eta_of_a_leak_that_never_reaches_the_limit_is_not_judged() -> None:
    series = days(10, leaks=(leak(2 * DAY, 6 * DAY, exhaust=False),))
    lines = [alert(3 * DAY, eta=6 * DAY, eta_low=5 * DAY, eta_high=8 * DAY)]
    summary = scorer.score([series], lines, resamples=0).overall
    assert math.isnan(summary.eta_coverage)
    assert math.isnan(summary.eta_width)


def test_parts_and_slow_leaks() -> None:
    slow = days(10, leaks=(leak(2 * DAY, 6 * DAY, rate=scorer.SLOW_RATE),), series="s", tag="odd")
    clean = days(4, series="c", tag="hard:gc")
    report = scorer.score([slow, clean], [alert(3 * DAY), Alert(series="c", time=DAY)], resamples=0)
    assert report.slow.recall == report.by_rate[scorer.SLOW_RATE].recall == 1.0
    assert report.by_group["clean hard"].false_alarms_per_100_days == 25
    assert "clean natural" not in report.by_group
    assert sorted(report.by_tag) == ["hard:gc", "odd"]
    assert report.by_kind["periodic"].leaks == 0


def test_intervals_are_the_same_for_the_same_seed_and_hold_the_figure() -> None:
    cases = [days(10, leaks=(leak(2 * DAY, 4 * DAY),), series=f"s{i}") for i in range(12)]
    lines = [Alert(series=f"s{i}", time=3 * DAY, state="firing") for i in range(0, 12, 2)]
    report = scorer.score(cases, lines, resamples=100, seed=3)
    again = scorer.score(cases, lines, resamples=100, seed=3)
    low, high = report.intervals["recall"]
    assert low < report.overall.recall < high
    assert report.intervals["recall"] == again.intervals["recall"]
    assert report.intervals["lead"] == (0.5, 0.5)
    assert math.isnan(report.intervals["eta_width"][0])


def test_alerts_are_found_by_series_or_service_and_instance_or_service() -> None:
    lines = [
        Alert(series="a", time=0),
        Alert(service="b", instance="1", time=1),
        Alert(service="c", instance="9", time=2),
        Alert(service="other", time=3),
    ]
    found = by_case(lines, ["a", "b/1", "c"])
    assert {series: [line["time"] for line in some] for series, some in found.items()} == {
        "a": [0],
        "b/1": [1],
        "c": [2],
    }
