"""From the series of one window to snapshots, in order of time.

The metrics of one instance come as separate series. Here they are put side by side on the grid of the window:
one snapshot for each instance and step that has memory. What restarts and OOM kills need is remembered from
window to window, and so is when each series began; nothing else is, so a window can be of any length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleetleak.records import Snapshot
from fleetleak.records.memory import growable
from fleetleak.records.types import MOST_BYTES, MOST_COUNT, MOST_UNIX_SECONDS
from producers.names import fit
from producers.plausible import drop_impossible
from producers.prometheus.order import Order
from producers.prometheus.preset import PLACE, Identity, Info, Labels, Preset, Source, places_of
from producers.prometheus.runs import OOM_KILLS, Runs
from producers.prometheus.series import Points, Window

Column = list[float | None]
Readings = Mapping[str, Sequence[tuple[Source, Sequence[Points]]]]
"""The series of each source, by the name of the preset, in the order of its sources."""

_MOST: dict[str, float] = {
    "started": MOST_UNIX_SECONDS, "cpu_seconds": MOST_COUNT, "restarts": MOST_COUNT,
}  # fmt: skip
_FLOATS = frozenset({"started", "cpu_seconds", "pressure_some", "pressure_full"})

IMPOSSIBLE, REPEATED, NAMELESS = "impossible", "repeated", "nameless"
REASONS = {
    IMPOSSIBLE: "values that no memory has",
    REPEATED: "points of a second series",
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
    """One instance in one window: its identity at each step that has memory, and a column for each field."""

    named: list[Identity | None]
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
        self._infos: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, str]]] = {}
        self._runs = Runs()
        self._order = Order()
        self.left: dict[str, Left] = {}

    def learn(self, info: Info, every: Iterable[Labels]) -> None:
        """Take the series of an info. What is known stays, so that no instance changes its name."""
        known = self._infos.setdefault(info.by, {})
        for labels in every:
            if (key := _key(labels, info.by)) is not None:
                own = known.setdefault(key, {})
                for name in info.keeps:
                    if labels.get(name):
                        own.setdefault(name, labels[name])

    def snapshots(self, window: Window, readings: Readings) -> Iterator[Snapshot]:
        """Yield the snapshots of a window, step by step."""
        measured = [(preset, self._members(preset, readings, window)) for preset in self._presets]
        for number in range(window.steps):
            time = window.at(number)
            inside: dict[tuple[str, ...], int] = {}
            for preset, members in measured:
                for member in members:
                    identity = member.named[number]
                    if identity is not None:
                        yield self._snapshot(preset, member, identity, number, time, inside)
        self._runs.forget(window.end)
        self._order.forget(window.end)

    def _members(self, preset: Preset, readings: Readings, window: Window) -> list[_Member]:
        members: dict[str, _Member] = {}
        every = readings.get(preset.name, ())
        for source, series in every:
            if not source.by:
                self._put(preset, source, series, window, members)
        for source, series in every:
            if source.by:
                self._join(source, series, window, members)
        # Without memory there is no snapshot.
        return [member for _, member in sorted(members.items()) if any(member.named)]

    def _put(
        self,
        preset: Preset,
        source: Source,
        every: Sequence[Points],
        window: Window,
        members: dict[str, _Member],
    ) -> None:
        """Put the series of one source into the columns of their instances."""
        columns: dict[str, Column] = {}
        for points in self._order.of(source.metric, every, window):
            identity = self._identity(preset, points.labels)
            if identity is None:
                self._leave(NAMELESS, 1, f"{source.metric}{_text(points.labels)}")
                continue
            instance = identity.instance
            member = members.setdefault(instance, _Member([None] * window.steps))
            column = columns.setdefault(instance, [None] * window.steps)
            if source.field == OOM_KILLS:
                # Two servers count the same kills: the sum would count them twice.
                for number, grown in self._runs.increases(source.metric, points, window):
                    column[number] = max(grown, column[number] or 0.0)
                continue
            self._fill(column, source, points)
            if source.field in preset.memory:
                for number in points.at:
                    if column[number] is not None:
                        member.named[number] = identity
        for instance, column in columns.items():
            _merge(members[instance].columns, source.field, column)

    def _join(
        self, source: Source, every: Sequence[Points], window: Window, members: dict[str, _Member]
    ) -> None:
        """Put a source that other labels join into the columns of all instances that it is for."""
        joined: dict[tuple[str, ...], Column] = {}
        for points in self._order.of(source.metric, every, window):
            column: Column | None = None
            for key in _keys(points.labels, source.by):
                if column is None:
                    column = joined.setdefault(key, [None] * window.steps)
                    self._fill(column, source, points)
                joined.setdefault(key, column)
        if joined:
            for member in members.values():
                _merge(member.columns, source.field, _joined(member.named, source.by, joined))

    def _fill(self, column: Column, source: Source, points: Points) -> None:
        most = _MOST.get(source.field, MOST_BYTES)
        # Without a limit, exporters write 0 or a number that no machine has.
        unlimited = source.field == "limit"
        wrong = repeated = 0
        for number, value in zip(points.at, points.values, strict=True):
            if 0 <= value <= most and not (unlimited and value == 0):
                # What seldom changes holds for minutes, also over a restart.
                repeated += column[number] is not None and not source.slow
                column[number] = value
            elif not (unlimited and value >= 0):
                wrong += 1
        if wrong:
            self._leave(IMPOSSIBLE, wrong, f"{source.metric}{_text(points.labels)}")
        if repeated:
            self._leave(REPEATED, repeated, f"{source.metric}{_text(points.labels)}")

    def _identity(self, preset: Preset, labels: Labels) -> Identity | None:
        info: dict[str, str] = {}
        for one in preset.infos:
            key = _key(labels, one.by)
            info |= self._infos.get(one.by, {}).get(key, {}) if key is not None else {}
        return preset.identify(labels, info)

    def _snapshot(
        self,
        preset: Preset,
        member: _Member,
        identity: Identity,
        number: int,
        time: float,
        inside: dict[tuple[str, ...], int],
    ) -> Snapshot:
        fields = {
            name: value for name, column in member.columns.items() if (value := column[number]) is not None
        }
        self._runs.follow(identity.instance, time, fields)
        for name in ("limit", "total"):
            if (assumed := getattr(self._assumed, name)) is not None:
                fields.setdefault(name, assumed)
        preset.derive(fields)
        values: dict[str, Any] = {
            name: value if name in _FLOATS else int(value) for name, value in fields.items()
        }
        if identity.scope == "host":
            self._complete_host(identity, values, inside)
        snapshot = Snapshot(
            service=identity.service,
            instance=identity.instance,
            timestamp=time,
            host=fit(identity.places[0]) if identity.places else None,
            scope=identity.scope,
            environment=identity.environment and fit(identity.environment),
            version=identity.version and fit(identity.version),
            labels={name: fit(value) for name, value in identity.labels.items()} or None,
            **values,
        )
        if identity.scope != "host":
            for place in _wanted(identity, PLACE):
                inside[place] = inside.get(place, 0) + (growable(snapshot) or 0)
        return snapshot

    def _complete_host(
        self, identity: Identity, values: dict[str, Any], inside: Mapping[tuple[str, ...], int]
    ) -> None:
        """Leave out what contradicts the total; set what belongs to instances with snapshots of their own."""
        needed = dict.fromkeys(("started", "total", "limit", "limit_used"))
        for name in drop_impossible({**needed, **values}, host=True):
            if values.pop(name, None) is not None:
                self._leave(IMPOSSIBLE, 1, f"{name} of {identity.instance}")
        held = max((inside.get(place, 0) for place in _wanted(identity, PLACE)), default=0)
        if held:
            values["attributed"] = min(held, MOST_BYTES)

    def _leave(self, reason: str, count: int, example: str) -> None:
        self.left.setdefault(reason, Left(0, example)).count += count


def _merge(columns: dict[str, Column], name: str, column: Column) -> None:
    """Add a column; where there is one of the same field already, that one wins."""
    known = columns.get(name)
    columns[name] = (
        column
        if known is None
        else [one if one is not None else other for one, other in zip(known, column, strict=True)]
    )


def _key(labels: Labels, by: Sequence[str]) -> tuple[str, ...] | None:
    """Return the values of labels, and the cluster; None where a label is missing."""
    values = [labels.get(name, "") for name in by]
    return (labels.get("cluster", ""), *values) if all(values) else None


def _keys(labels: Labels, by: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the keys under which a series of another exporter is found."""
    if by == PLACE:
        return [(labels.get("cluster", ""), place) for place in places_of(labels)]
    key = _key(labels, by)
    return [] if key is None else [key]


def _wanted(identity: Identity, by: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the keys under which an instance looks for a series of another exporter."""
    cluster = identity.environment or ""
    if by == PLACE:
        return [(cluster, place) for place in identity.places]
    values = [identity.labels.get(name, "") for name in by]
    return [(cluster, *values)] if all(values) else []


def _joined(
    named: Sequence[Identity | None], by: tuple[str, ...], columns: Mapping[tuple[str, ...], Column]
) -> Column:
    """Return the values for one instance: at each step of the place where it is then."""
    own: list[Column] = []
    identity: Identity | None = None
    joined: Column = []
    for number, now in enumerate(named):
        if now is not None and now is not identity:
            identity = now
            own = [columns[key] for key in _wanted(now, by) if key in columns]
        known = (column[number] for column in own if column[number] is not None)
        joined.append(next(known, None) if own and now is not None else None)
    return joined


def _text(labels: Labels) -> str:
    shown = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{{{shown}}}"
