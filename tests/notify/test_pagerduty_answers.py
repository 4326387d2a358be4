"""Which PagerDuty webhooks are weak labels, and which are refused."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec
import pytest

from fleetleak.records import Label
from sinks.notify.answers.pagerduty import pagerduty_label
from sinks.notify.answers.refused import Refused
from tests.notify.notices import KEY

SECRET, NOW = "secret-of-the-subscription", 1790013260.0
SERVICES = {KEY: "shop/cart"}
ANN = {
    "html_url": "https://acme.pagerduty.com/users/PLH1HKV",
    "id": "PLH1HKV",
    "self": "https://api.pagerduty.com/users/PLH1HKV",
    "summary": "Ann Example",
    "type": "user_reference",
}


def webhook(key: Any = KEY, event_type: str = "incident.resolved", agent: Any = ANN) -> bytes:
    """Return an event as PagerDuty documents it for webhooks of the version 3."""
    data = {
        "id": "PGR0VU2",
        "type": "incident",
        "number": 2,
        "status": "resolved",
        "incident_key": key,
        "title": "shop/cart leaks",
        "service": {"id": "PF9KMXH", "summary": "API Service", "type": "service_reference"},
        "priority": None,
        "resolve_reason": None,
    }
    event = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": "2026-09-21T17:54:20.169Z",
        "agent": agent,
        "client": {"name": "PagerDuty"},
        "data": data,
    }
    return msgspec.json.encode({"event": event})


def signed(body: bytes, *secrets: str) -> dict[str, str]:
    digests = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets or (SECRET,)]
    return {"x-pagerduty-signature": ",".join(f"v1={digest}" for digest in digests)}


def label(body: bytes, headers: dict[str, str] | None = None) -> Label | None:
    return pagerduty_label(body, signed(body) if headers is None else headers, SECRET, NOW, SERVICES.get)


def test_an_incident_resolved_by_a_person_is_a_weak_label() -> None:
    assert label(webhook()) == Label(
        service="shop/cart",
        verdict="not-a-leak",
        author="pagerduty:Ann Example",
        time=NOW,
        alert=KEY,
        weak=True,
    )


@pytest.mark.parametrize(
    "body",
    [
        webhook(event_type="incident.acknowledged"),
        webhook(event_type="incident.triggered"),
        webhook(agent=None),
        webhook(agent={"id": "PS1", "type": "service_reference", "summary": "fleetleak"}),
        webhook(agent={"id": "PI1", "type": "integration_reference"}),
        webhook(key="somebody else's incident"),
        webhook(key=None),
        webhook(key=""),
        b'{"event": {"event_type": "pagey.ping", "agent": null, "data": {"type": "ping"}}}',
    ],
)
def test_other_events_say_nothing(body: bytes) -> None:
    assert label(body) is None


def test_while_the_secret_is_replaced_one_signature_is_enough() -> None:
    body = webhook()
    assert label(body, signed(body, "the old one", SECRET)) is not None
    assert label(body, signed(body, SECRET, "the old one")) is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-pagerduty-signature": ""},
        {"x-pagerduty-signature": "v1="},
        signed(webhook(), "another"),
        signed(webhook("another")),
        {"x-pagerduty-signature": signed(webhook())["x-pagerduty-signature"].replace("v1=", "v0=")},
        {"x-pagerduty-signature": signed(webhook())["x-pagerduty-signature"].removeprefix("v1=")},
    ],
)
def test_what_pagerduty_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        label(webhook(), headers)
    assert refused.value.status == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"event": {}}', b"\xff", webhook(key=7)])
def test_what_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        label(body)
    assert refused.value.status == 400
    assert refused.value.words.startswith("malformed: ")


def test_a_person_without_a_name_is_an_id() -> None:
    made = label(webhook(agent={"id": "PLH1HKV", "type": "user_reference", "summary": None}))
    assert made is not None
    assert made.author == "pagerduty:PLH1HKV"
