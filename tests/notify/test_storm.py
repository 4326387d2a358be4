"""Storms: how many notices a bad release makes, and what becomes of them."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from fleetleak.records import Alert
from sinks.notify.storm import Storms, storm_key
from tests.notify.support import START, Remembering, Told, alert

MINUTE = 60.0


def leaks(count: int, version: str | None = "2.41.0", every: float = 1.0) -> list[Alert]:
    """Return the beginnings of alerts, `every` seconds from each other."""
    return [alert(f"{version}/s{n}", every * n, version=version) for n in range(count)]


def over(one: Alert, time: float) -> Alert:
    return replace(one, state="resolved", time=START + time)


def told(*alerts: Alert) -> Told:
    """Return what a target was told of these alerts."""
    target = Told(Remembering())
    for one in alerts:
        target.offer(one)
    return target


def counts(notifier: Remembering) -> tuple[int, int]:
    """Return how many single and how many storm notices there are."""
    storms = sum(notice.key.startswith("storm:") for notice in notifier.notices)
    return len(notifier.notices) - storms, storms


@pytest.mark.parametrize(
    ("alerts", "single", "storms"),
    [
        (leaks(5), 5, 0),
        (leaks(6), 5, 1),
        # It is told when it begins with 6 services, then of 12, 24, 48, 96, 192 and 384; after that every
        # five minutes.
        (leaks(500), 5, 7),
        (leaks(500, every=30.0), 5, 1 + 49),
        (leaks(500, version=None), 500, 0),
        ([*leaks(50), *leaks(50, "3.0")], 10, 8),
        # So far apart, they have no cause in common.
        (leaks(20, every=3600.0), 20, 0),
    ],
    ids=["few", "one-more", "a-bad-release", "slowly", "no-version", "two-versions", "far-apart"],
)
def test_a_bad_release_makes_few_notices(alerts: list[Alert], single: int, storms: int) -> None:
    assert counts(told(*alerts).notifier) == (single, storms)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_they_come_does_not_matter(seed: int) -> None:
    alerts = leaks(100, every=20.0)
    random.Random(seed).shuffle(alerts)
    assert counts(told(*alerts).notifier)[0] == 5


def test_the_notices_of_a_storm_say_how_it_grows() -> None:
    notices = [n for n in told(*leaks(12)).notifier.notices if n.services]
    assert [(n.key, n.state, n.title) for n in notices] == [
        ("storm:2.41.0", "firing", "6 services leak since release 2.41.0: 2.41.0/s0, 2.41.0/s1 and 4 more"),
        (
            "storm:2.41.0",
            "updated",
            "12 services leak since release 2.41.0: 2.41.0/s0, 2.41.0/s1 and 10 more",
        ),
    ]
    assert [notice.ref for notice in notices] == [None, "ref of storm:2.41.0"]


def test_a_storm_is_told_when_its_severity_rises() -> None:
    target = told(*leaks(8))
    before = counts(target.notifier)
    assert target.outcome(replace(leaks(8)[7], time=START + 20, state="updated")) == "grouped"
    worse = replace(leaks(8)[7], time=START + 21, state="updated", severity="critical")
    assert target.outcome(worse) == "delivered"
    assert counts(target.notifier) == (before[0], before[1] + 1)
    assert target.notifier.notices[-1].severity == "critical"


def test_it_is_over_when_all_its_alerts_are_and_single_ones_end_singly() -> None:
    alerts = leaks(9)
    target = told(*alerts)
    for number, one in enumerate(alerts):
        target.offer(over(one, 100.0 + number))
    ends = [(n.key, n.title) for n in target.notifier.notices if n.state == "resolved"]
    assert [key for key, _ in ends] == [*(one.key for one in alerts[:5]), "storm:2.41.0"]
    assert ends[-1][1] == "4 services leaked since release 2.41.0: over"


def test_one_that_fires_again_after_the_storm_is_told_again() -> None:
    alerts = leaks(7)
    target = told(*alerts, *(over(one, 100.0) for one in alerts))
    again = replace(alerts[5], time=START + 90_000, since=START + 90_000, reopened=1)
    target.offer(again)
    assert target.notifier.notices[-1].key == again.key
    assert target.notifier.notices[-1].ref is None, "it does not overwrite the storm"


def test_a_restart_in_the_middle_changes_nothing() -> None:
    alerts = leaks(40)
    target = told(*alerts[:20])
    again = target.restarted()
    before = counts(target.notifier)
    for one in alerts[20:]:
        again.offer(one)
    single, storms = counts(target.notifier)
    assert single == before[0] == 5
    assert storms - before[1] == 1, "the fortieth doubles what stood at the restart"
    for number, one in enumerate(alerts):
        again.offer(over(one, 200.0 + number))
    assert target.notifier.told()[-1] == ("storm:2.41.0", "resolved")
    assert sum(state == "resolved" for _, state in target.notifier.told()) == 6
    assert target.notifier.notices[-1].ref == "ref of storm:2.41.0"


@pytest.mark.parametrize("version", ["2.42.0", None])
def test_a_storm_keeps_its_release_over_a_restart_although_its_alerts_have_another(
    version: str | None,
) -> None:
    alerts = leaks(7)
    target = told(
        *alerts, *(replace(one, state="updated", time=START + 60, version=version) for one in alerts)
    )
    again = target.restarted()
    again.clock.now += 301.0
    again.channel.idle()
    assert " since release 2.41.0" in target.notifier.notices[-1].title


def test_what_was_not_told_of_a_storm_is_told_after_a_while_without_a_record() -> None:
    target = told(*leaks(9))
    before = counts(target.notifier)
    target.channel.idle()
    assert counts(target.notifier) == before
    target.clock.now += 301.0
    target.channel.idle()
    target.channel.idle()
    assert counts(target.notifier) == (before[0], before[1] + 1)
    assert len(target.notifier.notices[-1].services) == 9


def test_partitions_that_are_given_up_take_their_alerts_along() -> None:
    storms = Storms(1, 3600.0)
    one, two, three = leaks(3)
    for number, each in enumerate((one, two, three)):
        storms.joins(each, number % 2)
        storms.take(each)
    storms.tell(storms.storm("storm:2.41.0"), "r")
    storms.forget(1)
    assert storms.storm("storm:2.41.0").services == (one.service, three.service)
    storms.forget(0)
    assert storms.standing() == []
    assert storms.joins(two, 1) is None, "nothing is left of it"


def test_one_that_joins_while_the_end_is_told_begins_a_storm_of_its_own() -> None:
    storms, place = Storms(1, 3600.0), "storm:2.41.0"
    one, two, three = leaks(3)
    for each in (one, two, over(two, 60.0)):
        storms.joins(each, 0)
        storms.take(each)
        if storms.due(place) == "firing":
            storms.tell(storms.storm(place), "r")
    assert storms.due(place) == "resolved"
    end = storms.storm(place)
    assert storms.joins(three, 1) == place
    storms.tell(end, "r")
    storms.take(three)
    assert storms.due(place) == "firing"
    assert (storms.storm(place).services, storms.ref(place)) == ((one.service, three.service), None)


def test_what_comes_while_a_storm_is_told_is_not_taken_for_told() -> None:
    storms, place = Storms(1, 3600.0), "storm:2.41.0"
    one, two, three = leaks(3)
    for each in (one, two):
        storms.joins(each, 0)
        storms.take(each)
    said = storms.storm(place)
    storms.joins(three, 1)
    storms.take(three)
    storms.tell(said, "r")
    assert storms.pending() == [place]
    storms.tell(storms.storm(place), "r")
    assert storms.pending() == []


def test_a_long_version_makes_a_key_of_its_own() -> None:
    keys = {storm_key("x" * 256), storm_key("y" * 256), storm_key("x" * 240)}
    assert len(keys) == 3
    assert max(map(len, keys)) <= 250
