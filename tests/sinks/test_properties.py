"""What holds for every series of scores and labels."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from fleetleak.records import Alert, Label, Method, Score, encode
from fleetleak.records.alert import SEVERITIES
from fleetleak.records.label import Verdict
from fleetleak.records.types import Kind
from fleetleak.stream import Key, Record
from sinks.alerting.leak.role import LeakAlerting
from tests.sinks.support import MINUTE, as_record, calm, held, published, role

_KINDS: tuple[Kind, ...] = (
    "linear",
    "exponential",
    "periodic",
    "staircase",
    "fragmentation",
    "stable",
    "saturating",
)
_VERDICTS: tuple[Verdict, ...] = ("leak", "not-a-leak", "expected")


def scores(chance: random.Random, count: int = 1500) -> Iterator[Score]:
    """Yield scores of three instances that begin to leak, pause, restart, change version and fall silent."""
    minute, leaking, version = 0, dict.fromkeys(range(3), False), 0
    for _ in range(count):
        minute += 300 if chance.random() < 0.005 else chance.choice((1, 2, 5))
        number = chance.randrange(3)
        if chance.random() < 0.05:
            leaking[number] = not leaking[number]
        version += chance.random() < 0.002
        more: dict[str, Any] = {
            "instance": f"a-{number}",
            "version": f"1.{version}",
            "restarted": chance.random() < 0.01,
        }
        if not leaking[number]:
            yield calm(minute, chance.uniform(0.1, 0.6), **more)
            continue
        one = held(minute, chance.uniform(0.1, 900.0), confidence=chance.random(), **more)
        one.kind = chance.choice(_KINDS)
        one.methods = {"snarimax_ahead": Method(raw=1.0, detected=chance.random() < 0.5, confidence=0.7)}
        one.stalled = chance.choice((None, None, None, 0.02, 0.5))
        yield one


def labels(chance: random.Random, count: int = 12) -> list[Record]:
    made = [
        Label(
            service="a", verdict=chance.choice(_VERDICTS), author=f"person-{n % 4}", time=0.0,
            expires=chance.uniform(1, 2e5), weak=chance.random() < 0.3,
        )
        for n in range(count)
    ]  # fmt: skip
    return [Record(0, n, b"a", encode(one), 0.0) for n, one in enumerate(made)]


def told(seed: int, cut: int | None = None) -> list[Alert]:
    """Return what is told of random scores and labels; with `cut`, by a role that is restored so often."""
    chance = random.Random(seed)
    records = [as_record(one, n) for n, one in enumerate(scores(chance))]
    between = {chance.randrange(len(records)): label for label in labels(chance)}
    alerting, alerts = role(), list[Alert]()
    for place, record in enumerate(records):
        alerts += published(alerting.apply([record]))
        if place in between:
            alerts += published(alerting.control(between[place])[1])
        if cut is not None and place % cut == 0:
            alerting = restored(alerting)
    return alerts


def restored(alerting: LeakAlerting) -> LeakAlerting:
    state = alerting.dump([Key(0, b"a")])[0]
    again = role()
    if state is not None:
        again.load(Key(0, b"a"), state)
    return again


@pytest.mark.parametrize("seed", range(12))
def test_an_alert_never_goes_backwards(seed: int) -> None:
    alerts = told(seed)
    assert len(alerts) > 3
    before: Alert | None = None
    for one in alerts:
        assert len(one.summary) <= 120
        assert before is None or one.time > before.time
        if before is None or before.state == "resolved":
            # One alert at a time; what comes after an end is a beginning.
            assert one.state == "firing"
            assert before is None or (one.reopened == before.reopened + 1) == (one.key == before.key)
        else:
            assert one.state in ("updated", "stale", "resolved")
            assert (one.key, one.since) == (before.key, before.since)
            assert SEVERITIES.index(one.severity) >= SEVERITIES.index(before.severity)
            assert (before.certainty, one.certainty) != ("sure", "early")
            assert one.restarts >= before.restarts
        before = one


@pytest.mark.parametrize("seed", range(6))
def test_a_role_that_is_restored_anywhere_tells_the_same(seed: int) -> None:
    assert told(seed) == told(seed, cut=7) == told(seed, cut=1)


@pytest.mark.parametrize("seed", range(6))
def test_labels_of_different_alerts_commute(seed: int) -> None:
    """Two services are labelled in either order: the same is told of each."""

    def of(order: tuple[str, str]) -> dict[str, list[Alert]]:
        alerting = role()
        chance = random.Random(seed)
        told: dict[str, list[Alert]] = {"a": [], "b": []}
        for service in told:
            series = [replace(one, service=service) for one in scores(chance, 300)]
            told[service] += published(alerting.apply([as_record(one, n) for n, one in enumerate(series)]))
        for service in order:
            label = Label(service=service, verdict="not-a-leak", author="ann", time=MINUTE)
            told[service] += published(
                alerting.control(Record(0, 0, service.encode(), encode(label), 0.0))[1]
            )
        return told

    assert of(("a", "b")) == of(("b", "a"))


def test_confirmations_of_two_people_commute() -> None:
    def of(*authors: str) -> object:
        alerting = role()
        alerting.apply([as_record(held(m), m) for m in range(1, 5)])
        for author in authors:
            label = Label(service="a", verdict="leak", author=author, time=0.0)
            alerting.control(Record(0, 0, b"a", encode(label), 0.0))
        ((_, subject),) = alerting.items(0)
        assert subject.standing is not None
        return sorted(subject.standing.confirmed_by), subject.standing.published.certainty

    assert of("ann", "bob") == of("bob", "ann") == (["ann", "bob"], "sure")
