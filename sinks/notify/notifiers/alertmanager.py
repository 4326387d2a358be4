"""Alertmanager: alerts by its API v2, to every replica, again and again while they fire.

Alertmanager knows an alert by its labels. So they hold what identifies an alert, and its severity, by which
people route. When the severity changes, one post ends the alert with the old severity and begins the new one.

Do not use it beside a target that Alertmanager also routes to: people would be told twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fleetleak.records import Alert, Label
from fleetleak.stream.target import Answer, Delivered
from sinks.notify import words
from sinks.notify.notifier import Notice, Notifier
from sinks.notify.notifiers.alertmanager_api import (
    LABEL_NAME,
    AlertmanagerSettings,
    Replicas,
    check_labels,
    labels_of,
)
from sinks.notify.notifiers.silences import SilencePoller

_REPEAT_SECONDS = 60.0
# An alert survives three posts that are lost or late; then Alertmanager resolves it by itself.
_ALIVE_SECONDS = 4 * _REPEAT_SECONDS
# The end of an alert must be later than its start; times are sent in milliseconds.
_LEAST_SECONDS = 0.001


class Alertmanager(Notifier):
    """Sends a notice as an alert of Alertmanager; `ref` is the severity with which it was sent.

    Parameters
    ----------
    clock
        Unix seconds.
    """

    SETTINGS = AlertmanagerSettings
    DEDUPLICATES = True
    REPEAT_SECONDS = _REPEAT_SECONDS

    def __init__(self, settings: AlertmanagerSettings, clock: Callable[[], float] = time.time) -> None:
        check_labels(settings.labels)
        self._settings = settings
        self._replicas = Replicas(settings)
        self._clock = clock
        self._silences = SilencePoller(settings, self._replicas, clock()) if settings.weak_labels else None

    def send(self, notice: Notice) -> Answer:
        """Post to every replica at the same time."""
        answer = self._replicas.post("/api/v2/alerts", msgspec.json.encode(self._body(notice)))
        return Delivered(ref=notice.severity) if isinstance(answer, Delivered) else answer

    def weak_labels(self, standing: Sequence[Alert]) -> list[Label]:
        """Return the silences on standing alerts as labels, where the settings say so."""
        return [] if self._silences is None else self._silences.poll(standing)

    def close(self) -> None:
        """Close the connections."""
        self._replicas.close()

    def _body(self, notice: Notice) -> list[dict[str, Any]]:
        now = self._clock()
        alerts = [self._alert(notice, notice.severity, _end(notice, now))]
        if notice.ref is not None and notice.ref != notice.severity:
            # First, so that nobody sees the same alert twice.
            alerts.insert(0, self._alert(notice, notice.ref, now))
        return alerts

    def _alert(self, notice: Notice, severity: str, end: float) -> dict[str, Any]:
        alert = notice.alert
        labels = labels_of(alert, notice.key, severity, self._settings, storm=bool(notice.services))
        if notice.test:
            labels["test"] = "true"
        posted = {
            "labels": labels,
            "annotations": _annotations(notice),
            "startsAt": _iso(alert.since),
            "endsAt": _iso(max(end, alert.since + _LEAST_SECONDS)),
        }
        return posted if notice.picture_url is None else posted | {"generatorURL": notice.picture_url}


def _end(notice: Notice, now: float) -> float:
    return min(notice.alert.time, now) if notice.state == "resolved" else now + _ALIVE_SECONDS


def _annotations(notice: Notice) -> dict[str, str]:
    """Return the title and the facts by name; facts with the same name are lines of one annotation."""
    annotations = {"summary": words.headline(notice)}
    for name, text in notice.facts:
        word = _word(name)
        annotations[word] = f"{annotations[word]}\n{text}" if word in annotations else text
    further = {
        "storm": words.storm(notice),
        "runbook_url": notice.alert.runbook,
        "picture": notice.picture_url,
    }
    return annotations | {name: text for name, text in further.items() if text}


def _word(name: str) -> str:
    """Return a name that Alertmanager takes.

    Examples
    --------
    >>> _word("Limit reached (p10)"), _word("90 % range")
    ('limit_reached_p10', '_90_range')
    """
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return word if LABEL_NAME.fullmatch(word) else f"_{word}"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


NOTIFIER = Alertmanager
