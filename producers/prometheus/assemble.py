"""From the series of one window to snapshots, in order of time.

The metrics of one instance come as separate series. Here they are put side by side on the grid of the window:
one snapshot for each instance and step that has memory. What restarts and OOM kills need is remembered from
window to window, and so is when each series began; nothing else is, so a window can be of any length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from fleetleak.records import Snapshot
from fleetleak.records.memory import growable
from producers.prometheus.columns import Column
from producers.prometheus.fields import OOM_KILLS, fitted, means_none, possible, snapshot
from producers.prometheus.known import Known
from producers.prometheus.order import Order
from producers.prometheus.preset import (
    PLACE,
    Identity,
    Info,
    Labels,
    Preset,
    Source,
    cluster_of,
    places_of,
    true_labels,
)
from producers.prometheus.runs import Runs
from producers.prometheus.series import FORGET_SECONDS, Points, Window

Readings = Mapping[str, Sequence[tuple[Source, Sequence[Points]]]]
"""The series of each source, by the name of the preset, in the order of its sources."""
Key = tuple[str, ...]
"""The cluster, and values of labels or a place: what joins series of two exporters."""

_SHOWN = 200

IMPOSSIBLE, REPEATED, NAMELESS = "impossible", "repeated", "nameless"
REASONS = {
    IMPOSSIBLE: "values that no memory has",
    REPEATED: "points of a second series (of a second server, or of both containers around a restart)",
    NAMELESS: "series that name nothing",
}
"""Why something is left out, in words."""


@dataclass
class Left:
    """What was left out for one reason: how many, and the first of them."""

    count: int
    first: str


@dataclass(frozen=True)
class Assumed:
    """What is assumed of instances of which the series do not tell it, in bytes."""

    limit: int | None = None
    total: int | None = None


@dataclass
class _Member:
    """One instance in one window: its series by source, its identity at each step, a column for each field.

    `named` begins at the step `first`; an identity stands where there is memory.
    """

    series: dict[Source, list[tuple[Points, Identity]]] = field(default_factory=dict)
    first: int = 0
    named: list[Identity | None] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)


class Assembler:
    """Makes snapshots of the windows of a history, which must come in order of time.

    Attributes
    ----------
    left
        What was left out so far, by reason.
    """

    def __init__(self, presets: Sequence[Preset], assumed: Assumed | None = None) -> None:
        self._presets = presets
        self._assumed = assumed or Assumed()
        self._infos: dict[tuple[str, ...], dict[Key, Known]] = {}
        self._runs = Runs()
        self._order = Order()
        self.left: dict[str, Left] = {}

    def learn(self, info: Info, every: Iterable[Labels], at: float = math.inf) -> None:
        """Take the series of an info.

        Parameters
        ----------
        at
            When they were there, unix seconds: a day later they are forgotten.
        """
        known = self._infos.setdefault(info.by, {})
        for labels in map(true_labels, every):
            if (key := _key(labels, info.by)) is not None:
                known.setdefault(key, Known()).take(info.keeps, info.agree, labels, at)

    def snapshots(self, window: Window, readings: Readings) -> Iterator[Snapshot]:
        """Yield the snapshots of a window, step by step."""
        # By step, what has memory there; what is inside another thing comes before it.
        there: list[list[tuple[Preset, _Member]]] = [[] for _ in range(window.steps)]
        for preset in self._presets:
            for member in self._members(preset, readings.get(preset.name, ()), window):
                for place, identity in enumerate(member.named):
                    if identity is not None:
                        there[member.first + place].append((preset, member))
        for number, members in enumerate(there):
            inside: dict[Key, int] = {}
            for preset, member in members:
                yield self._snapshot(preset, member, number, window.at(number), inside)
        self._runs.forget(window.end)
        self._order.forget(window.end)
        for by, infos in self._infos.items():
            self._infos[by] = {
                key: known for key, known in infos.items() if window.end - known.at <= FORGET_SECONDS
            }

    def _members(
        self, preset: Preset, every: Sequence[tuple[Source, Sequence[Points]]], window: Window
    ) -> list[_Member]:
        """Return the instances that have memory, in the order of their names."""
        members: dict[str, _Member] = {}
        names: dict[frozenset[tuple[str, str]], Identity | None] = {}
        for source, series in every:
            if not source.by:
                self._find(preset, source, series, window, members, names)
        found = []
        for name, member in sorted(members.items()):
            measured = self._measure(preset, member)
            for source, own in member.series.items():
                if source.field == OOM_KILLS:
                    self._count(name, source, own, member, window)
                elif measured and source.field not in preset.memory:
                    _add(member.columns, source.field, _filled([points for points, _ in own]))
            if measured:
                found.append(member)
        for source, series in every:
            if source.by:
                self._join(source, series, window, found)
        return found

    def _find(
        self,
        preset: Preset,
        source: Source,
        every: Sequence[Points],
        window: Window,
        members: dict[str, _Member],
        names: dict[frozenset[tuple[str, str]], Identity | None],
    ) -> None:
        """Give the series of one source to their instances; `names` has those that are known already."""
        for points in self._possible(source, every, window):
            labels = true_labels(points.labels)
            # The metrics of one instance have the same labels.
            key = frozenset(item for item in labels.items() if item[0] != "__name__")
            if key not in names:
                names[key] = self._identity(preset, labels)
            identity = names[key]
            if identity is None:
                self._leave(NAMELESS, 1, source, points)
                continue
            member = members.setdefault(identity.instance, _Member())
            member.series.setdefault(source, []).append((points, identity))

    def _measure(self, preset: Preset, member: _Member) -> bool:
        """Fill the columns of memory, and the identities; return whether there is any memory."""
        memory = {source: own for source, own in member.series.items() if source.field in preset.memory}
        if not memory:
            return False
        whole = Column.over([points for own in memory.values() for points, _ in own])
        member.first, member.named = whole.first, [None] * len(whole.values)
        for source, own in memory.items():
            column = Column(member.first, len(member.named))
            for points, identity in own:
                if repeated := column.fill(points):
                    self._leave(REPEATED, repeated, source, points)
                for number in points.at:
                    member.named[number - member.first] = identity
            _add(member.columns, source.field, column)
        return True

    def _count(
        self,
        name: str,
        source: Source,
        own: Sequence[tuple[Points, Identity]],
        member: _Member,
        window: Window,
    ) -> None:
        """Put the kills that counters tell into a column; they are followed also while there is no memory."""
        every = [points for points, _ in own]
        column = Column.over(every)
        for number, count in self._runs.killed(name, source.metric, every, window):
            column.values[number - column.first] = count
        _add(member.columns, source.field, column)

    def _join(
        self, source: Source, every: Sequence[Points], window: Window, members: Sequence[_Member]
    ) -> None:
        """Put a source that other labels join into the columns of all instances that it is for."""
        by_key: dict[Key, list[Points]] = {}
        for points in self._possible(source, every, window):
            for key in _keys(true_labels(points.labels), source.by):
                by_key.setdefault(key, []).append(points)
        columns: dict[Key, Column] = {}
        for member in members:
            column = Column(member.first, len(member.named))
            own: list[Column] = []
            before: Identity | None = None
            for place, identity in enumerate(member.named):
                if identity is not None and identity is not before:
                    before = identity
                    keys = [key for key in _wanted(identity, source.by) if key in by_key]
                    for key in keys:
                        if key not in columns:
                            columns[key] = _filled(by_key[key])
                    own = [columns[key] for key in keys]
                if identity is not None and own:
                    known = (one.at(member.first + place) for one in own)
                    column.values[place] = next((value for value in known if value is not None), None)
            if any(value is not None for value in column.values):
                _add(member.columns, source.field, column)

    def _possible(self, source: Source, every: Sequence[Points], window: Window) -> Iterator[Points]:
        """Yield series in their order, without the values that cannot be."""
        for points in self._order.of(source.metric, every, window):
            good = [possible(source.field, value) for value in points.values]
            if all(good):
                yield points
                continue
            none = sum(means_none(source.field, value) for value in points.values)
            if wrong := good.count(False) - none:
                self._leave(IMPOSSIBLE, wrong, source, points)
            if any(good):
                yield Points(points.labels, [*compress(points.at, good)], [*compress(points.values, good)])

    def _identity(self, preset: Preset, labels: Labels) -> Identity | None:
        info: dict[str, str] = {}
        for one in preset.infos:
            key = _key(labels, one.by)
            known = self._infos.get(one.by, {}).get(key) if key is not None else None
            info |= known.labels if known is not None else {}
        identity = preset.identify(labels, info)
        return None if identity is None else fitted(identity)

    def _snapshot(
        self,
        preset: Preset,
        member: _Member,
        number: int,
        time: float,
        inside: dict[Key, int],
    ) -> Snapshot:
        identity = member.named[number - member.first]
        assert identity is not None  # noqa: S101 - only what has memory at this step is asked
        fields = {
            name: value for name, column in member.columns.items() if (value := column.at(number)) is not None
        }
        self._runs.follow(identity.instance, time, fields)
        for name in ("limit", "total"):
            if (assumed := getattr(self._assumed, name)) is not None:
                fields.setdefault(name, assumed)
        preset.derive(fields)
        places = _wanted(identity, PLACE)
        made, wrong = snapshot(
            identity, time, fields, max((inside.get(place, 0) for place in places), default=0)
        )
        for name in wrong:
            self.left.setdefault(IMPOSSIBLE, Left(0, f"{name} of {identity.instance}")).count += 1
        if identity.scope != "host":
            for place in places:
                inside[place] = inside.get(place, 0) + (growable(made) or 0)
        return made

    def _leave(self, reason: str, count: int, source: Source, points: Points) -> None:
        if reason not in self.left:
            self.left[reason] = Left(0, f"{source.metric}{_text(points.labels)}")
        self.left[reason].count += count


def _filled(every: Sequence[Points]) -> Column:
    """Return series, each with points, in one column."""
    column = Column.over(every)
    for points in every:
        column.fill(points)
    return column


def _add(columns: dict[str, Column], name: str, column: Column) -> None:
    """Add a column; where there is one of the same field already, that one wins."""
    columns[name] = columns[name].completed(column) if name in columns else column


def _key(labels: Labels, by: Sequence[str]) -> Key | None:
    """Return the cluster and the values of labels; None where a label is missing."""
    values = [labels.get(name, "") for name in by]
    return (cluster_of(labels), *values) if all(values) else None


def _keys(labels: Labels, by: tuple[str, ...]) -> list[Key]:
    """Return the keys under which a series of another exporter is found."""
    if by == PLACE:
        return [(cluster_of(labels), place) for place in places_of(labels)]
    key = _key(labels, by)
    return [] if key is None else [key]


def _wanted(identity: Identity, by: tuple[str, ...]) -> list[Key]:
    """Return the keys under which an instance looks for a series of another exporter."""
    cluster = identity.environment or ""
    if by == PLACE:
        return [(cluster, place) for place in identity.places]
    values = [identity.labels.get(name, "") for name in by]
    return [(cluster, *values)] if all(values) else []


def _text(labels: Labels) -> str:
    shown = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{{{shown}}}" if len(shown) <= _SHOWN else f"{{{shown[:_SHOWN]}...}}"
