"""The result of a backtest: what was alerted, what followed, what stayed silent, beside the usual rules."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from fleetleak.records import Alert
from fleetleak.records.alert import SEVERITIES
from fleetleak_app.backtest.rules import RULES, Span
from fleetleak_app.backtest.watch import SEEN_LATE_SECONDS, Kill, Watch, Watched
from producers.prometheus.series import Window

Spans = dict[str, list[Span]]
_DAY = 86_400.0
OURS = "fleetleak"


@dataclass
class Raised:
    """One alert from its first firing to its end; it may have been opened again in between.

    Parameters
    ----------
    firing
        The transition with which it began.
    every
        All transitions, without their histories.
    watched
        The instance that the first transition names; None where it has no score.
    kills
        The OOM kills of its service while it was firing, in unix seconds.
    """

    firing: Alert
    every: list[Alert]
    watched: Watched | None = None
    kills: list[float] = field(default_factory=list)

    @property
    def ended(self) -> Alert | None:
        """The transition that resolved it; None while it is firing at the end of the data."""
        return self.every[-1] if self.every[-1].state == "resolved" else None

    @property
    def spans(self) -> list[Span]:
        """When it began to fire and when it ended, each time."""
        found: list[Span] = []
        for alert in self.every:
            if alert.state == "firing":
                found.append((alert.time, math.inf))
            elif alert.state == "resolved" and found:
                found[-1] = found[-1][0], alert.time
        return found

    @property
    def worst(self) -> Alert:
        """The first transition of its highest severity."""
        return max(self.every, key=lambda one: (SEVERITIES.index(one.severity), -one.time))

    @property
    def widest(self) -> Alert:
        """The first transition with the most affected instances."""
        return max(self.every, key=lambda one: (one.affected, -one.time))


class Killed(NamedTuple):
    """One OOM kill, and by how many seconds each detector warned of it; None: it did not."""

    time: float
    service: str
    instance: str
    warned: dict[str, float | None]


class Row(NamedTuple):
    """One detector in the table.

    Parameters
    ----------
    fired
        How often it began to fire.
    firing
        The share of the time of all services and hosts in which it was firing.
    """

    name: str
    fired: int
    per_week: float
    per_100_series_days: float
    firing: float
    warned: int
    median_lead_seconds: float | None


@dataclass
class Result:
    """What a backtest found.

    Parameters
    ----------
    source
        Where the data is from, for people.
    notes
        What was noticed while reading, one line each.
    """

    source: str
    whole: Window
    raised: list[Raised]
    watch: Watch
    kills: list[Killed]
    table: list[Row]
    rejected: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def data(self) -> Span:
        """When the first and the last sample were, in unix seconds."""
        return self.watch.data

    @property
    def series_days(self) -> float:
        """The days of all instances that could be judged."""
        return sum(one.judged_seconds for one in self.watch) / _DAY

    @property
    def samples(self) -> int:
        """How many snapshots there were."""
        return sum(one.samples for one in self.watch)

    def silent(self) -> list[Watched]:
        """Return of each service without an alert the instance that came nearest to one, nearest first.

        Services that cannot be judged are left out.
        """
        alerted = {one.firing.service for one in self.raised}
        nearest = [
            max(own, key=lambda one: one.highest.confidence)
            for service, own in self.watch.services().items()
            if service not in alerted and any(one.judged for one in own)
        ]
        return sorted(nearest, key=lambda one: (-one.highest.confidence, one.service))

    def unjudged(self) -> list[str]:
        """Return the services that have no limit and no total: nothing can be said of them."""
        every = self.watch.services().items()
        return sorted(service for service, own in every if not any(one.judged for one in own))


class Alerts:
    """The alerts of a history, gathered transition by transition."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Alert).decode
        self._by_key: dict[str, Raised] = {}

    def add(self, transitions: Iterable[bytes | None]) -> None:
        """Take more transitions, as JSON."""
        for data in transitions:
            alert = self._decode(data or b"{}")
            if alert.key not in self._by_key:
                self._by_key[alert.key] = Raised(alert, [])
            # Histories are large, and that of the first transition is enough.
            self._by_key[alert.key].every.append(msgspec.structs.replace(alert, history=None, methods={}))

    def __iter__(self) -> Iterator[Raised]:
        return iter(self._by_key.values())


def added_up(source: str, whole: Window, watch: Watch, alerts: Alerts, rejected: Sequence[str]) -> Result:
    """Return the result when all scores and alerts have passed."""
    watch.end()
    instances = {(one.service, one.instance): one for one in watch}
    raised = sorted(alerts, key=lambda one: one.firing.time)
    spans = {OURS: _by_service((one.firing.service, span) for one in raised for span in one.spans)}
    for number, rule in enumerate(RULES):
        spans[rule.NAME] = _by_service(
            (one.service, span) for one in watch for span in one.rules.spans[number]
        )
    # A host survives its OOM kills: they are those of what runs on it.
    kills = [
        Killed(kill.time, one.service, one.instance, _warned(spans, one.service, kill))
        for one in watch
        if one.scope != "host"
        for kill in one.kills
    ]
    kills.sort(key=lambda kill: kill.time)
    for one in raised:
        one.watched = instances.get((one.firing.service, one.firing.instance))
        one.kills = [
            kill.time
            for kill in kills
            if kill.service == one.firing.service and any(_during(span, kill.time) for span in one.spans)
        ]
    table = [_row(name, own, kills, watch) for name, own in spans.items()]
    return Result(source, whole, raised, watch, kills, table, list(rejected))


def _by_service(found: Iterable[tuple[str, Span]]) -> Spans:
    """Return the spans of each service, joined where they overlap: many replicas are one notice."""
    joined: Spans = {}
    for service, (begin, end) in sorted(found):
        own = joined.setdefault(service, [])
        if own and begin <= own[-1][1]:
            own[-1] = own[-1][0], max(end, own[-1][1])
        else:
            own.append((begin, end))
    return joined


def _during(span: Span, time: float) -> bool:
    """Return whether something fired when a kill happened that was seen at a time."""
    return span[0] < time <= span[1] + SEEN_LATE_SECONDS


def _warned(spans: Mapping[str, Spans], service: str, kill: Kill) -> dict[str, float | None]:
    """Return by how many seconds each detector warned, within the run that was killed."""
    firing = {
        name: [begin for begin, end in own.get(service, ()) if _during((begin, end), kill.time)]
        for name, own in spans.items()
    }
    return {
        name: kill.time - max(min(begins), kill.run_began) if begins else None
        for name, begins in firing.items()
    }


def _row(name: str, spans: Spans, kills: Sequence[Killed], watch: Watch) -> Row:
    times = sum(map(len, spans.values()))
    leads = [lead for kill in kills if (lead := kill.warned[name]) is not None]
    lives = {
        service: (min(one.first for one in own), max(one.newest for one in own))
        for service, own in watch.services().items()
        if any(one.judged for one in own)
    }
    fired = sum(
        max(0.0, min(end, lives[service][1]) - begin) for service in spans for begin, end in spans[service]
    )
    days = sum(one.judged_seconds for one in watch) / _DAY
    return Row(
        name=name,
        fired=times,
        per_week=_ratio(7 * _DAY * times, watch.data[1] - watch.data[0]),
        per_100_series_days=_ratio(100 * times, days),
        firing=_ratio(fired, sum(end - begin for begin, end in lives.values())),
        warned=len(leads),
        median_lead_seconds=statistics.median(leads) if leads else None,
    )


def _ratio(one: float, other: float) -> float:
    return one / other if other else 0.0
