"""Comparing tracks: how many alerts each publishes, and how often labels agree. Event time, no clock."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from fleetleak.records import Alert, Label, Promotion
from fleetleak_app.tracks import history

DAY_SECONDS = 86400.0


class Observed(NamedTuple):
    """Everything that the comparison of tracks uses.

    Parameters
    ----------
    alerts, silent
        Every transition on `alerts` and on `silent-alerts`; the transitions of one alert in order.
    labels
        Every label.
    promotions
        Every promotion, in order.
    services
        The names of the services with stored state.
    """

    alerts: Sequence[Alert]
    silent: Sequence[Alert]
    labels: Sequence[Label]
    promotions: Sequence[Promotion]
    services: Set[str]


class Episode(NamedTuple):
    """One alert of one track, from first to last transition; `end` is infinite while it is firing.

    `begin` and `end` are unix seconds.
    """

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
        """How many labels it was compared with."""
        return self.right + self.wrong + self.missed

    @property
    def accuracy(self) -> float | None:
        """Share of the labels that it agrees with; None without labels."""
        return self.right / self.judged if self.judged else None


class Comparison(NamedTuple):
    """One row for each track that ever published an alert, and for the active one.

    Parameters
    ----------
    end
        Time of the newest alert or label, in unix seconds.
    active
        The active track.
    promoted_at
        Time of the last change of the active track, in unix seconds; None without one.
    rows
        One row per track, by name.
    unknown
        The labels in the window that no track is compared with: their service or alert never existed.
    """

    end: float
    active: str
    promoted_at: float | None
    rows: list[Row]
    unknown: list[Label]


def compare(observed: Observed, days: float) -> Comparison:
    """Compare every track with the labels of the newest `days`."""
    changed = history.changes(observed.promotions)
    active = history.active(changed)
    everything = [*observed.alerts, *observed.silent]
    times = [alert.time for alert in everything] + [label.time for label in observed.labels]
    end = max(times, default=0.0)
    start = end - days * DAY_SECONDS
    owners = {alert.key: alert.service for alert in everything}
    services = observed.services | set(owners.values())
    labels, unknown = _judging([label for label in observed.labels if label.time > start], owners, services)
    by_track: defaultdict[str, list[Episode]] = defaultdict(list, {active: []})
    for episode in episodes(observed.alerts, observed.silent):
        by_track[episode.track].append(episode)
    rows = [_row(track, own, labels, start, days) for track, own in sorted(by_track.items())]
    promoted_at = changed[-1].time if changed else None
    return Comparison(end, active, promoted_at, rows, unknown)


def episodes(alerts: Iterable[Alert], silent: Iterable[Alert]) -> list[Episode]:
    """Return the episodes of transitions; a promotion moves an alert, and does not end its episode."""
    newest: dict[tuple[str, str], dict[int, Alert]] = {}
    for topic, transitions in enumerate((alerts, silent)):
        for alert in transitions:
            newest.setdefault((alert.track, alert.key), {})[topic] = alert
    return [_episode(list(by_topic.values())) for by_topic in newest.values()]


def _episode(newest: list[Alert]) -> Episode:
    """Return the episode of one alert, from its newest transition on each topic."""
    # An alert that moved is resolved on the topic it left: it is firing while one topic says so.
    firing = any(alert.state != "resolved" for alert in newest)
    end = math.inf if firing else max(alert.time for alert in newest)
    return Episode(newest[0].track, newest[0].service, newest[0].since, end)


def _judging(
    labels: Iterable[Label], owners: Mapping[str, str], services: Set[str]
) -> tuple[list[tuple[str, Label]], list[Label]]:
    """Return the labels to judge by, each with its service, and the labels of unknown services or alerts.

    A repeated label counts once, at its first time.

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


def _row(track: str, own: list[Episode], labels: list[tuple[str, Label]], start: float, days: float) -> Row:
    right = wrong = missed = 0
    for service, label in labels:
        alerted = any(e.service == service and _covers(e, label.time) for e in own)
        right += alerted == (label.verdict == "leak")
        wrong += alerted and label.verdict != "leak"
        missed += not alerted and label.verdict == "leak"
    begun = sum(episode.begin > start for episode in own)
    return Row(track, begun / days, right, wrong, missed)


def _covers(episode: Episode, time: float) -> bool:
    return episode.begin <= time and episode.end >= time - DAY_SECONDS
