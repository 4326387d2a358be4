"""Silences of Alertmanager as weak labels: who silences an alert probably expects it.

A label is weak since a silence has many reasons. So it says less than what a person says of an alert.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from fleetleak.records import Alert, Label
from fleetleak.records.types import MOST_NAME, MOST_TEXT, MOST_UNIX_SECONDS
from sinks.notify.notifiers.alertmanager_api import AlertmanagerSettings, Replicas, labels_of

log = logging.getLogger(__name__)

# Every pattern is quick in Alertmanager, but not in Python: a repetition inside a repetition may never end.
_MOST_REPETITIONS = 3


class Matcher(Struct, rename="camel"):
    """One condition of a silence on one label of an alert."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class SilenceStatus(Struct):
    """Whether a silence is `active`, `pending` or `expired`."""

    state: str


class Silence(Struct, rename="camel"):
    """A silence as Alertmanager lists it."""

    id: str
    status: SilenceStatus
    updated_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    matchers: list[Matcher]


class Silenced(NamedTuple):
    """A weak label, and the id of the silence that it comes from."""

    silence: str
    label: Label


def matches(silence: Silence, labels: Mapping[str, str]) -> bool:
    """Return whether a silence matches the labels of an alert; a label that is absent is an empty text."""
    return all(_holds(matcher, labels.get(matcher.name, "")) for matcher in silence.matchers)


def _holds(matcher: Matcher, value: str) -> bool:
    if not matcher.is_regex:
        return (value == matcher.value) == matcher.is_equal
    if not _quick(matcher.value):
        return False
    try:
        return (re.fullmatch(matcher.value, value) is not None) == matcher.is_equal
    except (re.error, OverflowError):
        return False


def _quick(pattern: str) -> bool:
    """Return whether a pattern surely takes little time.

    Examples
    --------
    >>> _quick("shop/.*|pay/.*"), _quick("(a+)+b"), _quick(".*a.*b.*c.*d")
    (True, False, False)
    """
    alternatives = [pattern] if "(" in pattern else pattern.split("|")
    repetitions = max(len(re.findall(r"[*+?{]", alternative)) for alternative in alternatives)
    return repetitions <= _MOST_REPETITIONS and re.search(r"\)[*+?{]", pattern) is None


def silence_labels(
    silences: Iterable[Silence], standing: Mapping[str, tuple[Alert, Mapping[str, str]]], since: float
) -> list[Silenced]:
    """Return a weak label for every active silence and every alert that it matches.

    Parameters
    ----------
    standing
        The alerts that fire, by key, each with the labels that Alertmanager knows it by.
    since
        Unix seconds; older silences are not used.
    """
    return [
        Silenced(silence.id, _label(silence, key, alert))
        for silence in silences
        if silence.status.state == "active" and silence.updated_at.timestamp() > since
        for key, (alert, labels) in standing.items()
        if matches(silence, labels)
    ]


def _label(silence: Silence, key: str, alert: Alert) -> Label:
    return Label(
        service=alert.service,
        verdict="expected",
        author=f"alertmanager:{silence.created_by}"[:MOST_NAME],
        time=silence.updated_at.timestamp(),
        alert=key,
        reason=silence.comment[:MOST_TEXT] or None,
        expires=min(silence.ends_at.timestamp(), float(MOST_UNIX_SECONDS)),
        weak=True,
    )


class SilencePoller:
    """Reads the silences of one Alertmanager, and returns each weak label once.

    Parameters
    ----------
    settings
        Those of the target, which has the labels that a silence must match.
    replicas
        The target's own.
    since
        Unix seconds; silences that were made or changed before are not used.
    """

    def __init__(self, settings: AlertmanagerSettings, replicas: Replicas, since: float) -> None:
        self._settings = settings
        self._since = since
        self._replicas = replicas
        self._returned: set[tuple[str, str]] = set()

    def poll(self, standing: Iterable[Alert]) -> list[Label]:
        """Return the new labels for alerts that fire; none while no replica answers, which is logged.

        It asks one replica after the other until one answers, each for at most `http.SECONDS`.
        """
        silences = self._silences()
        if silences is None:
            return []
        by_key = {a.key: (a, labels_of(a, a.key, a.severity, self._settings)) for a in standing}
        listed = {silence.id for silence in silences}
        self._returned = {pair for pair in self._returned if pair[0] in listed}
        labels = []
        for silenced in silence_labels(silences, by_key, self._since):
            pair = (silenced.silence, silenced.label.alert or "")
            if pair not in self._returned:
                self._returned.add(pair)
                labels.append(silenced.label)
        return labels

    def _silences(self) -> list[Silence] | None:
        reply = self._replicas.get("/api/v2/silences")
        if reply is None:
            return None
        try:
            return msgspec.json.decode(reply.body, type=list[Silence])
        except msgspec.MsgspecError as error:
            log.warning("the silences of Alertmanager cannot be read (%d bytes): %s", len(reply.body), error)
            return None
