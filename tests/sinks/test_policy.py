"""The life of an alert: when it begins, stands and ends."""

from __future__ import annotations

from msgspec.structs import replace

from fleetleak.records import Forecast, Score, Trend
from sinks.alerting.policy import AlertMemory, Policy, Transition

GIB = 1 << 30
MINUTE = 60.0


def _score(minute: float, confidence: float = 0.9, used: float = 0.5, **other: object) -> Score:
    trend = Trend(
        growth=1e5, growth_low=9e4, growth_high=1.1e5, window=3600.0, rise=0.2 * GIB, level=used * GIB,
        strength=0.95,
    )  # fmt: skip
    score = Score(
        service="a", instance="a-1", time=minute * MINUTE, input_partition=0, input_offset=int(minute),
        used=int(used * GIB), memory=int(used * GIB), total=GIB, room_used=used, trend=trend,
        kind="linear", confidence=confidence,
    )  # fmt: skip
    return replace(score, **other)


def _run(scores: list[Score], policy: Policy | None = None) -> list[Transition]:
    memory, policy = AlertMemory(), policy or Policy()
    return [transition for score in scores for transition in policy.step(memory, score)]


def test_one_score_is_not_enough() -> None:
    assert _run([_score(0), _score(1, confidence=0.0), _score(2)]) == []


def test_two_scores_in_a_row_fire_once() -> None:
    (told,) = _run([_score(m) for m in range(10)])
    assert (told.state, told.time, told.kind, told.severity) == ("firing", MINUTE, "linear", "early")


def test_evidence_must_last_for_the_hold_time() -> None:
    (told,) = _run([_score(m) for m in range(10)], Policy(hold=5 * MINUTE))
    assert told.time == 5 * MINUTE


def test_benign_kinds_do_not_fire() -> None:
    assert _run([_score(m, kind="saturating") for m in range(10)]) == []


def test_between_clear_and_fire_an_alert_stands() -> None:
    told = _run([_score(0), _score(1), *(_score(m, confidence=0.2) for m in range(2, 200))])
    assert [one.state for one in told] == ["firing"]


def test_it_ends_when_the_growth_stops() -> None:
    told = _run([_score(0), _score(1), *(_score(m, confidence=0.0) for m in range(2, 60))])
    assert [one.state for one in told] == ["firing", "resolved"]
    assert told[1].closed_by == "growth stopped"
    assert told[1].time > told[0].time + 30 * MINUTE


def test_it_ends_when_memory_is_given_back() -> None:
    told = _run([_score(0), _score(1), _score(2, used=0.1), _score(3, used=0.1)])
    assert (told[-1].closed_by, told[-1].time) == ("memory was given back", 3 * MINUTE)


def test_the_teeth_of_a_sawtooth_do_not_end_it() -> None:
    """What is used falls far below what it was at the alert, but not below the edge that grows."""
    trend = Trend(
        growth=1e5, growth_low=9e4, growth_high=1.1e5, window=3600.0, rise=0.2 * GIB, level=0.3 * GIB,
        strength=0.95,
    )  # fmt: skip
    told = _run([_score(m, used=0.25 + 0.05 * (m % 12), trend=trend) for m in range(120)])
    assert [one.state for one in told] == ["firing"]


def test_it_ends_with_a_restart_and_the_next_cycle_fires_again() -> None:
    scores = [_score(0), _score(1), _score(2, restarted=True, confidence=0.0, used=0.1)]
    told = _run([*scores, _score(600), _score(601)])
    assert [one.state for one in told] == ["firing", "resolved", "firing"]
    assert told[1].closed_by == "restart"
    assert told[2].since == 601 * MINUTE


def test_an_out_of_memory_kill_ends_it() -> None:
    told = _run([_score(0, oom_kills=0), _score(1, oom_kills=0), _score(2, oom_kills=1)])
    assert told[-1].closed_by == "out of memory"


def test_coming_back_soon_is_the_same_alert() -> None:
    told = _run([_score(0), _score(1), _score(2, restarted=True), _score(30), _score(31)])
    assert told[2].state == "firing"
    assert told[2].since == told[0].since == MINUTE


def test_a_sure_leak_is_told_as_an_update() -> None:
    forecast = Forecast(eta=9e5, eta_low=8e5, eta_high=1e6, limit=GIB, limit_name="memory.max", limit_used=1)
    told = _run([_score(0, confidence=0.6), _score(1, confidence=0.6), _score(2, forecast=forecast)])
    assert [(one.state, one.severity) for one in told] == [("firing", "early"), ("updated", "sure")]


def test_a_new_kind_is_told_when_it_lasts() -> None:
    told = _run([_score(0), _score(1), _score(2, kind="staircase"), *(_score(m) for m in range(3, 9))])
    assert len(told) == 1
    told = _run([_score(0), _score(1), *(_score(m, kind="staircase") for m in range(2, 30))])
    assert [(one.state, one.kind) for one in told] == [("firing", "linear"), ("updated", "staircase")]


def test_near_the_limit_less_evidence_is_enough() -> None:
    forecast = Forecast(eta=9e5, eta_low=8e5, eta_high=1e6, limit=GIB, limit_name="memory.max", limit_used=1)
    assert _run([_score(m, confidence=0.35, used=0.5, forecast=forecast) for m in range(3)]) == []
    (told,) = _run([_score(m, confidence=0.35, used=0.95, forecast=forecast) for m in range(3)])
    assert told.state == "firing"


def test_a_rise_that_is_normal_here_does_not_fire() -> None:
    trend = Trend(
        growth=1.0, growth_low=1.0, growth_high=1.0, window=3600.0, rise=100.0, level=200.0, strength=1.0,
        normal_rise=30.0,
    )  # fmt: skip
    assert len(_run([_score(m, trend=trend) for m in range(3)])) == 1
    usual = replace(trend, normal_rise=120.0)
    assert _run([_score(m, trend=usual) for m in range(3)]) == []


def _ahead(minute: float, hours: float, limit: int = GIB) -> Forecast:
    now = minute * MINUTE
    return Forecast(
        eta=now + hours * 3600, eta_low=now + hours * 2000, eta_high=now + hours * 4500, limit=limit,
        limit_name="memory.max", limit_used=1,
    )  # fmt: skip


def _held(minute: float, hours: float = 10.0, limit: int = GIB, **other: object) -> Score:
    left = max(0, limit - int(0.5 * GIB))
    forecast = _ahead(minute, hours, limit)
    given = {"limit": limit, "limit_name": "memory.max", "left": left, "forecast": forecast} | other
    return _score(minute, **given)  # type: ignore[arg-type]


def test_a_limit_that_is_raised_is_told_and_ends_nothing() -> None:
    told = _run([*(_held(m) for m in range(5)), *(_held(m, 96.0, 4 * GIB) for m in range(5, 300))])
    assert [one.state for one in told] == ["firing", "updated"]
    assert told[1].news == "limit raised to 4 GiB, now 4 days left (it was 1 GiB)"


def test_a_limit_of_another_name_is_told() -> None:
    high = [_held(m, 9.0, GIB // 2, limit_name="memory.high", left=2**26) for m in range(40, 50)]
    told = _run([*(_held(m) for m in range(40)), *high])
    assert (told[1].news or "").startswith("limit is memory.high of 512 MiB")


def test_a_limit_that_is_reached_is_told_once() -> None:
    full = [_held(m, 0.01, left=0, memory=int(0.9 * GIB)) for m in range(5, 600)]
    told = _run([*(_held(m) for m in range(5)), *full])
    assert [one.state for one in told] == ["firing", "updated"]
    assert (told[1].news, told[1].urgency) == ("memory.max of 1 GiB is reached", "now")


def test_what_is_held_back_is_not_over() -> None:
    held = [_held(m, stalled=0.25, confidence=0.0, kind="stable") for m in range(5, 600)]
    told = _run([*(_held(m) for m in range(5)), *held])
    assert [one.state for one in told] == ["firing", "updated"]
    assert "held back" in (told[1].news or "")
    freed = [_held(m, confidence=0.0, kind="stable") for m in range(600, 700)]
    assert _run([*(_held(m) for m in range(5)), *held, *freed])[-1].closed_by == "growth stopped"


def test_page_cache_that_fills_the_rest_is_no_limit_reached() -> None:
    full = [_held(m, left=0, confidence=0.0, kind="stable") for m in range(5, 100)]
    assert [one.state for one in _run([*(_held(m) for m in range(5)), *full])] == ["firing", "resolved"]


def test_urgency_goes_by_the_least_time_left_and_is_news_when_it_rises() -> None:
    hours = [60.0 - m / 60.0 for m in range(3540)]
    told = _run([_held(m, left) for m, left in enumerate(hours)])
    assert [one.urgency for one in told][:1] == ["later"]
    assert {one.urgency for one in told} == {"later", "today", "now"}
    assert len(told) < 12


def test_the_onset_is_the_earliest_of_the_growth() -> None:
    told = _run([_held(m, 10.0 if m < 20 else 4.0, onset=MINUTE * (m // 2)) for m in range(30)])
    assert {one.onset for one in told} == {0.0}
