"""The result of a backtest: what was alerted, what followed, what stayed silent, beside the usual rules."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from fleetleak.records import Alert
from fleetleak_app.backtest.rules import RULES
from fleetleak_app.backtest.watch import Watch, Watched
from producers.prometheus.series import Window

Span = tuple[float, float]
_DAY = 86_400.0
OURS = "fleetleak"


@dataclass
class Raised:
    """One alert from firing to its end.

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
    def span(self) -> Span:
        """When it began and when it ended."""
        return self.firing.time, self.ended.time if self.ended else float("inf")


class Killed(NamedTuple):
    """One OOM kill, and by how many seconds each detector warned of it; None: it did not."""

    time: float
    service: str
    instance: str
    warned: dict[str, float | None]


class Row(NamedTuple):
    """One detector in the table."""

    name: str
    alerts: int
    per_100_series_days: float
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
    def series_days(self) -> float:
        """The days of all instances that had data."""
        return sum(one.watched_seconds for one in self.watch) / _DAY

    @property
    def samples(self) -> int:
        """How many snapshots there were."""
        return sum(one.samples for one in self.watch)

    def services(self) -> dict[str, list[Watched]]:
        """Return the instances of each service."""
        found: dict[str, list[Watched]] = {}
        for one in self.watch:
            found.setdefault(one.service, []).append(one)
        return found

    def silent(self) -> list[Watched]:
        """Return of each service without an alert the instance that came nearest to one, nearest first."""
        alerted = {one.firing.service for one in self.raised}
        nearest = [
            max(own, key=lambda one: one.highest.confidence)
            for service, own in self.services().items()
            if service not in alerted
        ]
        return sorted(nearest, key=lambda one: (-one.highest.confidence, one.service))

    def unjudged(self) -> list[str]:
        """Return the services that have no limit and no total: nothing can be said of them."""
        return sorted(
            service for service, own in self.services().items() if not any(one.judged for one in own)
        )


class Alerts:
    """The alerts of a history, gathered transition by transition."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Alert).decode
        self._firing: dict[str, Raised] = {}
        self._all: list[Raised] = []

    def add(self, transitions: Iterable[bytes | None]) -> None:
        """Take more transitions, as JSON."""
        for data in transitions:
            alert = self._decode(data or b"{}")
            if alert.state == "firing" or alert.key not in self._firing:
                self._firing[alert.key] = raised = Raised(alert, [])
                self._all.append(raised)
            # Histories are large, and that of the first transition is enough.
            self._firing[alert.key].every.append(msgspec.structs.replace(alert, history=None, methods={}))

    def __iter__(self) -> Iterator[Raised]:
        return iter(self._all)


def added_up(source: str, whole: Window, watch: Watch, alerts: Alerts, rejected: Sequence[str]) -> Result:
    """Return the result when all scores and alerts have passed."""
    watch.end()
    instances = {(one.service, one.instance): one for one in watch}
    raised = sorted(alerts, key=lambda one: one.firing.time)
    spans = {OURS: _by_service((one.firing.service, one.span) for one in raised)}
    for number, rule in enumerate(RULES):
        spans[rule.NAME] = _by_service(
            (one.service, span) for one in watch for span in one.rules.spans[number]
        )
    kills = [
        Killed(time, one.service, one.instance, _warned(spans, one.service, time))
        for one in watch
        if one.scope != "host"
        for time in one.kills
    ]
    kills.sort(key=lambda kill: kill.time)
    for one in raised:
        one.watched = instances.get((one.firing.service, one.firing.instance))
        begin, end = one.span
        one.kills = [k.time for k in kills if k.service == one.firing.service and begin < k.time <= end]
    days = sum(one.watched_seconds for one in watch) / _DAY
    table = [_row(name, own, kills, days) for name, own in spans.items()]
    return Result(source, whole, raised, watch, kills, table, list(rejected))


def _by_service(found: Iterable[tuple[str, Span]]) -> dict[str, list[Span]]:
    """Return the spans of each service, joined where they overlap: many replicas are one notice."""
    joined: dict[str, list[Span]] = {}
    for service, (begin, end) in sorted(found):
        own = joined.setdefault(service, [])
        if own and begin <= own[-1][1]:
            own[-1] = own[-1][0], max(end, own[-1][1])
        else:
            own.append((begin, end))
    return joined


def _warned(spans: dict[str, dict[str, list[Span]]], service: str, time: float) -> dict[str, float | None]:
    """Return by how many seconds each detector warned: it was firing when the kill was seen."""
    return {
        name: next((time - begin for begin, end in own.get(service, ()) if begin < time <= end), None)
        for name, own in spans.items()
    }


def _row(name: str, spans: dict[str, list[Span]], kills: Sequence[Killed], days: float) -> Row:
    alerts = sum(map(len, spans.values()))
    leads = [lead for kill in kills if (lead := kill.warned[name]) is not None]
    rate = 100 * alerts / days if days else 0.0
    return Row(name, alerts, rate, len(leads), statistics.median(leads) if leads else None)
