"""The life of an alert: when it begins, stands and ends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec.structs import replace

from fleetleak.records import Forecast, Label, Score, Trend, encode
from fleetleak.stream import Record
from tests.sinks.support import GIB, MINUTE, calm, held, published, role, run, score, states


def test_one_score_is_not_enough() -> None:
    assert run([score(0), score(1, confidence=0.0), score(2)]) == []


def test_two_scores_in_a_row_fire_once() -> None:
    (told,) = run([score(m) for m in range(10)])
    assert (told.state, told.time, told.kind, told.certainty) == ("firing", MINUTE, "linear", "early")


def test_evidence_must_last_for_the_hold_time() -> None:
    (told,) = run([score(m) for m in range(10)], role(hold_seconds=5 * MINUTE))
    assert told.time == 5 * MINUTE


def test_benign_kinds_do_not_fire() -> None:
    assert run([score(m, kind="saturating") for m in range(10)]) == []


def test_between_clear_and_fire_an_alert_stands() -> None:
    told = run([score(0), score(1), *(score(m, confidence=0.2) for m in range(2, 200))])
    assert [one.state for one in told] == ["firing"]


def test_it_ends_when_the_growth_stops() -> None:
    told = run([score(0), score(1), *(score(m, confidence=0.0) for m in range(2, 60))])
    assert [one.state for one in told] == ["firing", "resolved"]
    assert told[1].closed_by == "growth stopped"
    assert told[1].time > told[0].time + 30 * MINUTE


def test_it_ends_when_memory_is_given_back() -> None:
    told = run([score(0), score(1), score(2, used=0.1), score(3, used=0.1)])
    assert (told[-1].closed_by, told[-1].time) == ("memory was given back", 3 * MINUTE)


def test_the_teeth_of_a_sawtooth_do_not_end_it() -> None:
    """What is used falls far below what it was at the alert, but not below the edge that grows."""
    trend = Trend(
        growth=1e5, growth_low=9e4, growth_high=1.1e5, window=3600.0, rise=0.2 * GIB, level=0.3 * GIB,
        strength=0.95,
    )  # fmt: skip
    told = run([score(m, used=0.25 + 0.05 * (m % 12), trend=trend) for m in range(120)])
    assert [one.state for one in told] == ["firing"]


def _nights(count: int, calm_after: int = 10**9) -> list[Score]:
    """Return a leak that restarts every night: it shows after an hour of each run, for the rest of it."""
    return [
        calm(minute, restarted=at == 0 and night > 0)
        if at < 60 or night >= calm_after
        else held(minute, 30.0 - at / 60.0)
        for night in range(count)
        for at in range(0, 1440, 5)
        for minute in [night * 1440.0 + at]
    ]


def test_a_leak_that_restarts_every_night_is_one_alert() -> None:
    told = run(_nights(7))
    assert states(told).count("firing") == 1
    assert "resolved" not in states(told)
    assert len({one.key for one in told}) == 1
    assert told[-1].restarts == 6
    assert "grows again after 6 restarts, as fast as before" in [one.news for one in told]


def test_what_does_not_grow_again_after_a_restart_is_over() -> None:
    told = run(_nights(5, calm_after=2))
    assert states(told)[-1] == "resolved"
    assert told[-1].closed_by == "it did not grow again after the restart"
    assert 2 * 1440 < told[-1].time / MINUTE < 3 * 1440


@pytest.mark.parametrize("every", [1440, 20])
def test_what_restarts_again_and_again_and_does_not_grow_is_over(every: int) -> None:
    """A leak is found 13 hours after its start; then it is fixed, and restarts every so many minutes."""
    leak = [held(m, 30.0) for m in range(780, 1440, 5)]
    fixed = [calm(m, restarted=m % every == 0) for m in range(1440, 8 * 1440, 5)]
    told = run([*(calm(m) for m in range(0, 780, 5)), *leak, *fixed])
    assert states(told)[-1] == "resolved"
    assert told[-1].time / MINUTE < 3 * 1440


def test_an_out_of_memory_kill_is_told_and_ends_nothing() -> None:
    killed = [score(0, oom_kills=0), score(1, oom_kills=0), calm(30, restarted=True, oom_kills=1)]
    told = run([*killed, *(calm(m, oom_kills=1) for m in range(31, 40))])
    assert states(told) == ["firing", "updated"]
    assert told[-1].news == "killed for lack of memory: whether it grows again is watched"


def test_an_oom_restart_loop_is_one_alert_with_few_updates() -> None:
    """A kill every twenty minutes for a day, and a growth that shows in between."""
    loop = [
        calm(m, restarted=True, oom_kills=m // 20) if m % 20 == 0 else held(m, 0.3, oom_kills=m // 20)
        for m in range(20, 1440)
    ]
    told = run(loop)
    assert states(told).count("firing") == 1
    assert "resolved" not in states(told)
    assert told[-1].severity == "critical"
    assert len(told) < 1440 / 15


def test_coming_back_soon_is_the_same_alert_opened_again() -> None:
    told = run([score(0), score(1), *(calm(m) for m in range(2, 60)), score(100), score(101)])
    assert states(told) == ["firing", "resolved", "firing"]
    assert told[2].key == told[0].key
    assert told[2].since == told[0].since == MINUTE
    assert (told[0].reopened, told[2].reopened) == (0, 1)


def test_coming_back_late_is_a_new_alert() -> None:
    told = run([score(0), score(1), *(calm(m) for m in range(2, 60)), score(900), score(901)])
    assert told[2].key != told[0].key


def test_flapping_input_is_one_alert() -> None:
    """Evidence that comes and goes every forty minutes, for two days."""
    told = run([score(m) if m // 40 % 2 == 0 else calm(m, used=0.5) for m in range(2880)])
    assert len({one.key for one in told}) == 1


def test_no_data_is_stale_and_not_resolved() -> None:
    """Another service of the partition goes on, so its time goes on."""
    alerting = role()
    before = run([score(m) for m in range(10)], alerting)
    others = [replace(calm(m), service="b", instance="b-1") for m in range(10, 740, 5)]
    told = run(others, alerting)
    assert states(before + told) == ["firing", "stale"]
    assert "no data for 60 min" in (told[0].news or "")
    assert told[0].time == 9 * MINUTE
    assert "has sent no data since 1 Jan 00:09 UTC" in told[0].summary
    (back,) = run([score(m) for m in range(740, 742)], alerting)
    assert (back.state, back.news, back.key) == ("updated", "data comes again", told[0].key)


def test_an_alert_without_data_for_a_week_is_over() -> None:
    alerting = role()
    run([score(m) for m in range(10)], alerting)
    others = [replace(calm(m), service="b", instance="b-1") for m in range(10, 11000, 60)]
    told = run(others, alerting)
    assert states(told) == ["stale", "resolved"]
    assert told[1].closed_by == "gone: no data for 7 days"


def test_a_sure_leak_is_told_as_an_update() -> None:
    forecast = Forecast(eta=9e5, eta_low=8e5, eta_high=1e6, limit=GIB, limit_name="memory.max", limit_used=1)
    told = run([score(0, confidence=0.6), score(1, confidence=0.6), score(2, forecast=forecast)])
    assert [(one.state, one.certainty) for one in told] == [("firing", "early"), ("updated", "sure")]


def test_a_new_kind_is_told_when_it_lasts() -> None:
    told = run([score(0), score(1), score(2, kind="staircase"), *(score(m) for m in range(3, 9))])
    assert len(told) == 1
    told = run([score(0), score(1), *(score(m, kind="staircase") for m in range(2, 40))])
    assert [(one.state, one.kind) for one in told] == [("firing", "linear"), ("updated", "staircase")]


def test_near_the_limit_less_evidence_is_enough() -> None:
    forecast = Forecast(eta=9e5, eta_low=8e5, eta_high=1e6, limit=GIB, limit_name="memory.max", limit_used=1)
    assert run([score(m, confidence=0.35, used=0.5, forecast=forecast) for m in range(3)]) == []
    (told,) = run([score(m, confidence=0.35, used=0.95, forecast=forecast) for m in range(3)])
    assert told.state == "firing"


def test_a_rise_that_is_normal_here_does_not_fire() -> None:
    trend = Trend(
        growth=1.0, growth_low=1.0, growth_high=1.0, window=3600.0, rise=100.0, level=200.0, strength=1.0,
        normal_rise=30.0,
    )  # fmt: skip
    assert len(run([score(m, trend=trend) for m in range(3)])) == 1
    usual = replace(trend, normal_rise=120.0)
    assert run([score(m, trend=usual) for m in range(3)]) == []


def test_a_limit_that_is_raised_is_told_and_ends_nothing() -> None:
    told = run([*(held(m) for m in range(5)), *(held(m, 96.0, 4 * GIB) for m in range(5, 300))])
    assert [one.state for one in told] == ["firing", "updated"]
    assert told[1].news == "limit raised to 4 GiB, now 4 days left (it was 1 GiB)"


def test_a_limit_of_another_name_is_told() -> None:
    high = [held(m, 9.0, GIB // 2, limit_name="memory.high", left=2**26) for m in range(40, 50)]
    told = run([*(held(m) for m in range(40)), *high])
    assert (told[1].news or "").startswith("limit is memory.high of 512 MiB")


def test_a_limit_that_is_reached_is_told_once() -> None:
    full = [held(m, 0.01, left=0, memory=int(0.9 * GIB)) for m in range(5, 600)]
    told = run([*(held(m) for m in range(5)), *full])
    assert [one.state for one in told] == ["firing", "updated"]
    assert (told[1].news, told[1].urgency) == ("memory.max of 1 GiB is reached", "now")


def test_what_is_held_back_is_not_over() -> None:
    stalled = [held(m, stalled=0.25, confidence=0.0, kind="stable") for m in range(5, 600)]
    told = run([*(held(m) for m in range(5)), *stalled])
    assert [one.state for one in told] == ["firing", "updated"]
    assert "held back" in (told[1].news or "")
    freed = [held(m, confidence=0.0, kind="stable") for m in range(600, 700)]
    assert run([*(held(m) for m in range(5)), *stalled, *freed])[-1].closed_by == "growth stopped"


def test_page_cache_that_fills_the_rest_is_no_limit_reached() -> None:
    full = [held(m, left=0, confidence=0.0, kind="stable") for m in range(5, 100)]
    assert [one.state for one in run([*(held(m) for m in range(5)), *full])] == ["firing", "resolved"]


def test_urgency_goes_by_the_least_time_left_and_is_news_when_it_rises() -> None:
    hours = [60.0 - m / 60.0 for m in range(3540)]
    told = run([held(m, left) for m, left in enumerate(hours)])
    assert [one.urgency for one in told][:1] == ["later"]
    assert {one.urgency for one in told} == {"later", "today", "now"}
    assert len(told) < 12


def test_the_onset_is_the_earliest_of_the_growth() -> None:
    told = run([held(m, 10.0 if m < 20 else 4.0, onset=MINUTE * (m // 2)) for m in range(30)])
    assert {one.onset for one in told} == {0.0}


def test_what_is_published_later_has_a_later_time() -> None:
    """Readers take of two transitions the later one: a label on a stale alert must not come before it."""
    alerting = role()
    told = run([score(m) for m in range(10)], alerting)
    told += run([replace(calm(m), service="b", instance="b-1") for m in range(10, 200, 5)], alerting)
    for verdict in ("leak", "not-a-leak"):
        label = Label(service="a", verdict=verdict, author="ann", time=0.0)
        told += published(alerting.control(Record(0, 0, b"a", encode(label), 0.0))[1])
    assert states(told) == ["firing", "stale", "updated", "resolved"]
    assert all(one.time < later.time for one, later in pairwise(told))


def test_a_confirmed_alert_whose_instance_is_gone_ends_all_the_same() -> None:
    def after(confirmed: bool) -> list[str]:
        alerting = role()
        told = run([score(m) for m in range(10)], alerting)
        others = [calm(m, instance="a-2") for m in range(10, 300, 5)]
        told += run(others[:20], alerting)
        if confirmed:
            label = Label(service="a", verdict="leak", author="ann", time=0.0)
            told += published(alerting.control(Record(0, 0, b"a", encode(label), 0.0))[1])
        return states([*told, *run(others[20:], alerting)])

    assert after(confirmed=False)[-1] == after(confirmed=True)[-1] == "resolved"


def test_news_that_waits_is_told_with_what_is_worse() -> None:
    """A limit moves within the cool-down; then less time is left."""
    moved = [held(m, 30.0, 2 * GIB) for m in range(8, 12)]
    told = run([*(held(m, 30.0) for m in range(8)), *moved, *(held(m, 0.5, 2 * GIB) for m in range(12, 14))])
    assert told[-1].urgency == "now"
    assert "limit raised to 2 GiB" in (told[-1].news or "")


def test_tasks_that_wait_raise_the_severity_by_one_step_alone() -> None:
    waiting = [held(m, 100.0, stalled=0.12, kind="fragmentation") for m in range(20)]
    assert {one.severity for one in run(waiting)} == {"low"}


def test_a_reached_limit_without_a_trend_is_no_restart() -> None:
    full = [calm(m, used=0.99, limit=GIB, limit_name="memory.max", left=0) for m in range(5, 30)]
    told = run([*(held(m, 30.0) for m in range(5)), *full])
    assert told[-1].summary == "a: memory.max of 1 GiB is reached"
