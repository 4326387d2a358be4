"""What PagerDuty is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fleetleak.stream.target import Delivered
from sinks.notify.notifier import Notifier
from sinks.notify.notifiers.pagerduty import Settings, dedup_key
from sinks.policy.file import Secret
from tests.notify.cases import SECRET, made
from tests.notify.notices import KEY, alert, notice
from tests.notify.servers import http_server
from tests.notify.targets import PAGERDUTY_KEY, PagerDutyTarget


@pytest.fixture
def target() -> PagerDutyTarget:
    return PagerDutyTarget()


@pytest.fixture
def notifier(target: PagerDutyTarget, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    monkeypatch.setenv(SECRET, PAGERDUTY_KEY)
    with http_server(target) as server:
        made_one = made("pagerduty", {"routing_key": {"env": SECRET}, "url": f"{server.url}/v2/enqueue"})
        yield made_one
        made_one.close()


def sent(target: PagerDutyTarget) -> dict[str, Any]:
    event: dict[str, Any] = msgspec.json.decode(target.asked[-1].body)
    return event


def test_an_alert_that_fires_triggers(notifier: Notifier, target: PagerDutyTarget) -> None:
    assert notifier.send(notice()) == Delivered()
    assert sent(target) == {
        "routing_key": PAGERDUTY_KEY,
        "event_action": "trigger",
        "dedup_key": KEY,
        "client": "fleetleak",
        "payload": {
            "summary": "shop/cart leaks 38 MiB/h in 6 of 8 instances; limit in 9 h",
            "source": "node-a/4f1c9a52e7d0",
            "severity": "error",
            "timestamp": "2026-09-21T15:21:20.000+00:00",
            "component": "shop/cart",
            "group": "prod",
            "class": "linear",
            "custom_details": dict(notice().facts),
        },
        "images": [{"src": "https://alerts.example.org/pictures/one.png", "alt": notice().title}],
        "links": [
            {"href": "https://wiki.example.org/leaks?service=cart&kind=linear", "text": "runbook"},
        ],
    }


def test_a_confirmed_alert_is_acknowledged(notifier: Notifier, target: PagerDutyTarget) -> None:
    assert notifier.send(notice(alert(state="updated", confirmed_by=["ann"]))) == Delivered()
    assert [event.event_action for event in target.events] == ["trigger", "acknowledge"]
    assert {event.dedup_key for event in target.events} == {KEY}


def test_it_resolves_the_same_incident(notifier: Notifier, target: PagerDutyTarget) -> None:
    notifier.send(notice())
    assert target.open == {KEY}
    notifier.send(notice(alert(state="updated")))
    assert target.open == {KEY}
    notifier.send(notice(alert(state="resolved")))
    assert target.open == set()
    assert sent(target) == {
        "routing_key": PAGERDUTY_KEY,
        "event_action": "resolve",
        "dedup_key": KEY,
    }


@pytest.mark.parametrize(
    ("severity", "theirs"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info")],
)
def test_severities(notifier: Notifier, target: PagerDutyTarget, severity: Any, theirs: str) -> None:
    notifier.send(notice(severity=severity))
    assert sent(target)["payload"]["severity"] == theirs


def test_stale_keeps_the_incident_and_says_so(notifier: Notifier, target: PagerDutyTarget) -> None:
    notifier.send(notice(alert(state="stale"), title="shop/cart leaks"))
    assert target.open == {KEY}
    summary = "shop/cart leaks (no data: nobody knows whether it still fires)"
    assert sent(target)["payload"]["summary"] == summary


def test_repeated_names_of_facts_get_numbers(notifier: Notifier, target: PagerDutyTarget) -> None:
    notifier.send(notice(facts=(("reason", "a"), ("reason", "b"), ("reason 2", "c"), ("reason", "d"))))
    details = {"reason": "a", "reason 2": "b", "reason 2 2": "c", "reason 3": "d"}
    assert sent(target)["payload"]["custom_details"] == details


def test_a_test_leaves_no_incident_open(notifier: Notifier, target: PagerDutyTarget) -> None:
    assert notifier.send(notice(test=True)) == Delivered()
    assert [event.event_action for event in target.events] == ["trigger", "resolve"]
    assert target.open == set()


def test_what_pagerduty_would_not_show_is_left_out(notifier: Notifier, target: PagerDutyTarget) -> None:
    about = alert(runbook="ask Ann", environment=None)
    notifier.send(notice(about, picture_url="http://alerts.example.org/pictures/one.png"))
    event = sent(target)
    assert "images" not in event
    assert "links" not in event
    assert "group" not in event["payload"]


@pytest.mark.parametrize("key", ["k" * 256, "ä" * 128, "😀" * 64])
def test_a_long_key_is_hashed(key: str) -> None:
    hashed = dedup_key(key)
    assert len(hashed.encode()) <= 255
    assert hashed.startswith(key[:40])
    assert hashed != dedup_key(key + "x")


@pytest.mark.parametrize("key", ["k" * 255, "ä" * 127, KEY])
def test_another_key_stays_as_it_is(key: str) -> None:
    assert dedup_key(key) == key


def test_the_address_is_the_documented_one() -> None:
    assert Settings(routing_key=Secret(env="X")).url == "https://events.pagerduty.com/v2/enqueue"
