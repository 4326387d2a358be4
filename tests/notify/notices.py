"""Notices to send: an ordinary one, and one with the most and the worst that a notice can have."""

from __future__ import annotations

from typing import Any

from fleetleak.records import Alert
from fleetleak.records.alert import AlertState
from sinks.notify.notifier import Notice

KEY = "shop/cart@1790003960"
FACTS = (
    ("service", "shop/cart in prod"),
    ("growth", "38 MiB/h since 21 Sep 14:10 UTC"),
    ("limit", "reached in 9 h (6 h to 15 h)"),
    ("first action", "roll back to 1.4.1"),
)
WILD = "sh\"op's\r\nBcc: x <!channel> <@U1> & `rm` 😀 \\ {{.}} ä"


def alert(**changes: Any) -> Alert:
    """Return a firing alert."""
    given: dict[str, Any] = {
        "key": KEY,
        "state": "firing",
        "service": "shop/cart",
        "instance": "node-a/4f1c9a52e7d0",
        "time": 1790004080.0,
        "since": 1790003960.0,
        "severity": "high",
        "kind": "linear",
        "confidence": 0.9,
        "summary": "shop/cart leaks 38 MiB/h",
        "recommendation": "roll back to 1.4.1",
        "runbook": "https://wiki.example.org/leaks?service=cart&kind=linear",
        "environment": "prod",
    }
    return Alert(**given | changes)


def notice(of: Alert | None = None, **changes: Any) -> Notice:
    """Return the first notice of an alert."""
    about = of or alert()
    given: dict[str, Any] = {
        "key": about.key,
        "state": about.state,
        "severity": about.severity,
        "title": "shop/cart leaks 38 MiB/h in 6 of 8 instances; limit in 9 h",
        "facts": FACTS,
        "alert": about,
        "picture_url": "https://alerts.example.org/pictures/one.png",
    }
    return Notice(**given | changes)


def wild(title: str, state: AlertState) -> Notice:
    """Return a notice with a title of 120 characters, 20 long facts, and names that no target expects."""
    names = dict.fromkeys(("service", "instance", "environment"), (WILD * 5)[:256])
    about = alert(
        key=(WILD * 20)[:512],
        runbook="https://wiki.example.org/" + "r" * 999,
        news=WILD,
        state=state,
        **names,
    )
    facts = tuple((WILD, character * 1024) for character in "a&<😀ä\n" * 4)[:20]
    assert len(title) == 120
    assert len(facts) == 20
    url = "https://alerts.example.org/" + "p" * 100 + ".png"
    return notice(about, title=title, facts=facts, picture_url=url)
