"""Tracks side by side: how much each tells, and how right it is by what people said. Data time, no clock."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from fleetleak.records import Alert, Label, Promotion
from fleetleak_app.tracks import history

DAY_SECONDS = 86400.0


class Told(NamedTuple):
    """What was told so far.

    Parameters
    ----------
    alerts, silent
        Every transition on `alerts` and on `silent-alerts`; those of one alert in order.
    labels
        What people said.
    promotions
        Who was to speak, in order.
    services
        The names of those that something is stored of.
    """

    alerts: Sequence[Alert]
    silent: Sequence[Alert]
    labels: Sequence[Label]
    promotions: Sequence[Promotion]
    services: Set[str]


class Episode(NamedTuple):
    """One alert of one track from first to last; `end` is infinite while it stands."""

    track: str
    service: str
    begin: float
    end: float


class Row(NamedTuple):
    """One track in numbers."""

    track: str
    alerts_per_day: float
    right: int
    wrong: int
    missed: int

    @property
    def judged(self) -> int:
        """How many labels it was held against."""
        return self.right + self.wrong + self.missed

    @property
    def accuracy(self) -> float | None:
        """Share of labels it was right in; None without labels."""
        return self.right / self.judged if self.judged else None


class Comparison(NamedTuple):
    """All tracks that told anything, and the one that speaks, up to the newest alert or label.

    `unknown` are the labels in the window that no track is held against: of a service or an alert that
    never was.
    """

    end: float
    speaking: str
    promoted_at: float | None
    rows: list[Row]
    unknown: list[Label]


def compare(told: Told, days: float) -> Comparison:
    """Hold every track against the labels of the newest days."""
    changed = history.changes(told.promotions)
    everything = [*told.alerts, *told.silent]
    times = [alert.time for alert in everything] + [label.time for label in told.labels]
    end = max(times, default=0.0)
    start = end - days * DAY_SECONDS
    owners = {alert.key: alert.service for alert in everything}
    services = told.services | set(owners.values())
    labels, unknown = _judging([label for label in told.labels if label.time > start], owners, services)
    by_track: defaultdict[str, list[Episode]] = defaultdict(list, {history.speaking(changed): []})
    for episode in episodes(told.alerts, told.silent):
        by_track[episode.track].append(episode)
    rows = [_row(track, found, labels, start, days) for track, found in sorted(by_track.items())]
    promoted_at = changed[-1].time if changed else None
    return Comparison(end, history.speaking(changed), promoted_at, rows, unknown)


def episodes(alerts: Iterable[Alert], silent: Iterable[Alert]) -> list[Episode]:
    """Fold transitions; a promotion that moves an alert from one topic to the other does not end it."""
    newest: dict[tuple[str, str], dict[int, Alert]] = {}
    for topic, transitions in enumerate((alerts, silent)):
        for alert in transitions:
            newest.setdefault((alert.track, alert.key), {})[topic] = alert
    return [_episode(list(found.values())) for found in newest.values()]


def _episode(newest: list[Alert]) -> Episode:
    """Fold one alert's newest transition on each topic it was told on."""
    # Wherever an alert went, it is resolved where it came from: it stands while one topic says so.
    stands = any(alert.state != "resolved" for alert in newest)
    end = math.inf if stands else max(alert.time for alert in newest)
    return Episode(newest[0].track, newest[0].service, newest[0].since, end)


def _judging(
    labels: Iterable[Label], owners: Mapping[str, str], services: Set[str]
) -> tuple[list[tuple[str, Label]], list[Label]]:
    """Give the labels to judge by, each with its service, and those of nothing known.

    What is said again counts as it was said first.

    Parameters
    ----------
    owners
        The service of each alert, by its key.
    """
    first: dict[tuple[str, str | None, str, str], Label] = {}
    for label in sorted(labels, key=lambda label: label.time):
        first.setdefault((label.service, label.alert, label.verdict, label.author), label)
    known: list[tuple[str, Label]] = []
    unknown: list[Label] = []
    for label in first.values():
        service = label.service if label.alert is None else owners.get(label.alert)
        if service is None or service not in services:
            unknown.append(label)
        else:
            known.append((service, label))
    return known, unknown


def _row(track: str, found: list[Episode], labels: list[tuple[str, Label]], start: float, days: float) -> Row:
    right = wrong = missed = 0
    for service, label in labels:
        told = any(e.service == service and _covers(e, label.time) for e in found)
        right += told == (label.verdict == "leak")
        wrong += told and label.verdict != "leak"
        missed += not told and label.verdict == "leak"
    begun = sum(episode.begin > start for episode in found)
    return Row(track, begun / days, right, wrong, missed)


def _covers(episode: Episode, time: float) -> bool:
    return episode.begin <= time and episode.end >= time - DAY_SECONDS
