"""Whole services over days: recorded scores in, transitions out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from fleetleak.records import Alert, Score
from tests.sinks.support import DAY, HOUR, MINUTE, calm, held, role, run, states


def grows(minute: float, since: float, hours: float, **other: Any) -> Score:
    """Return a score on a growth that began at minute `since` and reaches the limit `hours` after it."""
    left = hours - (minute - since) / 60.0
    return held(minute, max(left, 0.1), onset=since * MINUTE, **other)


def in_order(*series: Iterator[Score]) -> list[Score]:
    return sorted((one for scores in series for one in scores), key=lambda s: s.time)


def told_of(*series: Iterator[Score]) -> list[Alert]:
    return run(in_order(*series))


def pod(
    name: str, begin: int, end: int, version: str, leaks_after: int | None = None, every: int = 5
) -> Iterator[Score]:
    """Yield the scores of one pod; with `leaks_after` it leaks from so many minutes after its start on."""
    for minute in range(begin, end, every):
        more: dict[str, Any] = {"instance": name, "version": version, "started": begin * MINUTE}
        if leaks_after is None or minute < begin + leaks_after + 60:
            yield calm(minute, **more)
        else:
            yield grows(minute, begin + leaks_after, 90.0, **more)


def test_a_rolling_deploy_of_a_leaking_version_is_one_alert_with_a_suspect() -> None:
    old = [pod(f"old-{n}", 0, 600 + 30 * n, "1.0") for n in range(4)]
    new = [pod(f"new-{n}", 600 + 30 * n, 3000, "2.0", leaks_after=5) for n in range(4)]
    told = told_of(*old, *new)
    assert states(told).count("firing") == 1
    assert "resolved" not in states(told)
    assert (told[0].suspect, told[-1].suspect) == ("2.0", "2.0")
    assert told[0].time < 700 * MINUTE
    assert (told[-1].affected, told[-1].alive) == (4, 4)
    assert "roll it back" in told[0].recommendation


def test_a_growth_long_after_the_deploy_has_no_suspect() -> None:
    told = told_of(pod("old", 0, 600, "1.0"), pod("new", 600, 4000, "2.0", leaks_after=1500))
    assert {one.suspect for one in told} == {None}


def test_the_growth_of_the_version_before_is_the_contrast() -> None:
    old = [held(m, 200.0, instance="old", version="1.0", confidence=0.3) for m in range(0, 600, 5)]
    for one in old:
        assert one.trend is not None
        one.trend.growth = 12.0
    told = run(in_order(iter(old), pod("new", 600, 2000, "2.0", leaks_after=5)))
    assert told[-1].growth_before == 12.0


def test_the_fix_ends_the_alert() -> None:
    told = told_of(
        pod("a", 0, 2000, "1.0", leaks_after=300), pod("b", 0, 2000, "1.0", leaks_after=300),
        pod("c", 2000, 9000, "1.1"), pod("d", 2000, 9000, "1.1"),
    )  # fmt: skip
    assert states(told)[-1] == "resolved"
    assert told[-1].closed_by == "no affected instance is there any more"
    assert states(told).count("firing") == 1


def test_a_redeploy_of_the_same_leak_keeps_its_key() -> None:
    """Every night all pods are replaced by new ones with new names; each leaks from its start."""
    nights = [pod(f"pod-{n}", 1440 * n, 1440 * (n + 1), f"1.{n}", leaks_after=5) for n in range(5)]
    told = told_of(*nights)
    assert len({one.key for one in told}) == 1
    assert states(told).count("firing") == 1
    assert "resolved" not in states(told)


def test_scale_out_and_scale_in_are_few_updates() -> None:
    """Eight more pods for some hours; all leak."""
    steady = [pod(f"s-{n}", 0, 4000, "1.0", leaks_after=10) for n in range(2)]
    more = [pod(f"m-{n}", 1000, 2000, "1.0", leaks_after=10) for n in range(8)]
    told = told_of(*steady, *more)
    assert states(told).count("firing") == 1
    assert "resolved" not in states(told)
    assert max(one.affected for one in told) >= 8
    assert told[-1].alive == 2
    assert len(told) < 20


def test_scale_in_to_nothing_that_leaks_is_over_after_a_while() -> None:
    told = told_of(pod("leaks", 0, 1000, "1.0", leaks_after=60), pod("well", 0, 4000, "1.0"))
    assert states(told)[-1] == "resolved"


def test_two_leaks_in_one_service_are_one_alert_that_counts_both() -> None:
    told = told_of(
        pod("a", 0, 3000, "1.0", leaks_after=100), pod("b", 0, 3000, "1.0", leaks_after=900),
        pod("c", 0, 3000, "1.0"),
    )  # fmt: skip
    assert states(told).count("firing") == 1
    assert told[-1].instances == ["a", "b"]
    assert "in 2 of 3" in told[-1].summary


def test_a_start_is_no_leak() -> None:
    """Nothing is alerted in the first ten records after a start, however steep it is."""
    steep = [held(m, 2.0, started=0.0, instance="new") for m in range(5, 90, 5)]
    told = run(steep)
    assert told[0].time == 60 * MINUTE


def test_half_a_day_without_data_is_stale_then_goes_on_as_the_same_alert() -> None:
    alerting = role()
    before = run([grows(m, 0, 60.0) for m in range(0, 600, 5)], alerting)
    others = [replace(calm(m), service="b", instance="b-1") for m in range(600, 1320, 5)]
    silence = run(others, alerting)
    after = run([grows(m, 0, 60.0) for m in range(1320, 1700, 5)], alerting)
    assert states(silence) == ["stale"]
    assert silence[0].time == 595 * MINUTE
    assert after[0].news == "data comes again"
    assert {one.key for one in [*silence, *after]} == {before[0].key}
    assert set(states(after)) == {"updated"}


def test_data_of_one_of_two_pods_is_not_stale() -> None:
    told = told_of(pod("a", 0, 3000, "1.0", leaks_after=60), pod("b", 0, 600, "1.0", leaks_after=60))
    assert "stale" not in states(told)
    assert told[-1].alive == 1


def test_the_picture_shows_deploys_and_restarts() -> None:
    first = pod("a", 0, 1440, "1.0", leaks_after=60)
    second = [replace(one, restarted=n == 0) for n, one in enumerate(pod("a", 1440, 2800, "1.1", 60))]
    history = told_of(first, iter(second))[-1].history
    assert history is not None
    assert history.restarts == [1440 * MINUTE]
    assert history.deploys == [1440 * MINUTE]
    assert 32 < len(history.times) <= 64
    assert history.times == sorted(history.times)
    recent = [time for time in history.times if time > history.times[-1] - 6 * HOUR]
    assert len(recent) > 64 * 6 * HOUR / (2800 * MINUTE)
    assert history.times[-1] - history.times[0] > DAY
