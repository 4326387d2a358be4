"""PagerDuty, by its Events API v2: one incident for one alert.

Do not use it for every severity: an incident wakes somebody. Route what can wait to another target.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from fleetleak.records.alert import Severity
from fleetleak.stream.target import Answer, Delivered
from sinks.notify import words
from sinks.notify.http import Http, without_login
from sinks.notify.notifier import Notice, Notifier
from sinks.policy.file import Secret

# https://developer.pagerduty.com/docs/events-api-v2: the longest key and summary.
_MOST_KEY = 255
_MOST_SUMMARY = 1024
_READABLE = 190
_SEVERITIES: dict[Severity, str] = {
    "critical": "critical",
    "high": "error",
    "medium": "warning",
    "low": "info",
}


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The table of a target of the kind `pagerduty`.

    Parameters
    ----------
    routing_key
        The integration key of an integration of the type Events API v2.
    url
        Another one for the service region EU: `https://events.eu.pagerduty.com/v2/enqueue`.
    """

    routing_key: Secret
    url: str = "https://events.pagerduty.com/v2/enqueue"

    def __post_init__(self) -> None:
        without_login(self.url)


class PagerDuty(Notifier):
    """Triggers an incident while an alert fires, and resolves it."""

    SETTINGS = Settings
    DEDUPLICATES = True

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url
        self._routing_key = settings.routing_key.value()
        self._http = Http(secrets=[self._routing_key])

    def send(self, notice: Notice) -> Answer:
        """Send an event; a test also resolves, and an alert that a person confirmed is acknowledged."""
        if notice.state == "resolved":
            return self._enqueue(_resolve(notice))
        answer = self._enqueue(_trigger(notice))
        if isinstance(answer, Delivered) and notice.test:
            return self._enqueue(_resolve(notice))
        if isinstance(answer, Delivered) and notice.alert.confirmed_by:
            return self._enqueue({"event_action": "acknowledge", "dedup_key": dedup_key(notice.key)})
        return answer

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _enqueue(self, event: dict[str, Any]) -> Answer:
        body = msgspec.json.encode({"routing_key": self._routing_key, **event})
        return self._http.post(self._url, body, {"content-type": "application/json"})


def dedup_key(key: str) -> str:
    """Return the key of an alert or storm as PagerDuty knows it: the same, unless it is too long.

    Examples
    --------
    >>> dedup_key("shop/cart@1790003960"), len(dedup_key("k" * 512))
    ('shop/cart@1790003960', 255)
    """
    if len(key.encode()) <= _MOST_KEY:
        return key
    readable = key.encode()[:_READABLE].decode(errors="ignore")
    return f"{readable}#{hashlib.sha256(key.encode()).hexdigest()}"


def _resolve(notice: Notice) -> dict[str, Any]:
    return {"event_action": "resolve", "dedup_key": dedup_key(notice.key)}


def _trigger(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    payload: dict[str, Any] = {
        "summary": words.cut(_summary(notice), _MOST_SUMMARY),
        "source": words.one_line(alert.instance) or alert.instance,
        "severity": _SEVERITIES[notice.severity],
        "timestamp": datetime.fromtimestamp(alert.time, UTC).isoformat(timespec="milliseconds"),
        "component": alert.service,
        "class": alert.kind,
        "custom_details": _details(notice),
    }
    if alert.environment:
        payload["group"] = alert.environment
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": dedup_key(notice.key),
        "client": "fleetleak",
        "payload": payload,
    }
    if notice.picture_url and notice.picture_url.startswith("https://"):  # no other picture is shown
        event["images"] = [{"src": notice.picture_url, "alt": words.headline(notice)}]
    if alert.runbook and alert.runbook.startswith(("https://", "http://")):
        event["links"] = [{"href": alert.runbook, "text": "runbook"}]
    return event


def _summary(notice: Notice) -> str:
    note = " (no data: nobody knows whether it still fires)" if notice.state == "stale" else ""
    return words.headline(notice) + note


def _details(notice: Notice) -> dict[str, str]:
    """Return the facts as an object; a repeated name gets a number."""
    details: dict[str, str] = {}
    services = words.storm(notice)
    facts = (("storm", services), *notice.facts) if services else notice.facts
    for name, text in facts:
        unique, count = name, 1
        while unique in details:
            count += 1
            unique = f"{name} {count}"
        details[unique] = text
    return details


NOTIFIER = PagerDuty
