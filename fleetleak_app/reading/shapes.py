"""From many series, side by side or one after the other, to one long table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from fleetleak_app.reading.amounts import Amounts, amounts
from fleetleak_app.reading.columns import Columns
from fleetleak_app.reading.names import head, without_unit
from fleetleak_app.reading.notes import BadRecording, Notes
from fleetleak_app.reading.series import Metric, Series, labelled, owners
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.times import seconds
from fleetleak_app.reading.units import BYTES, PERCENT, Unit

_WHO = ("timestamp", "service", "instance")
_LIMITS = ("limit", "total")
Long = tuple[Table, Columns]


def melted(table: Table, columns: Columns, unit: Unit | None, notes: Notes) -> Long:
    """Return a wide table as a long one: each of its series is a service."""
    at = columns.at["timestamp"]
    name = table.names[at]
    times = seconds(table, at, name, head(name).unit, notes)
    series = []
    for place in columns.series:
        text = without_unit(table.names[place])
        metric = labelled(table.names[place]) or Metric(table.names[place], {})
        series.append(Series(text, metric, times, table.columns[place], table.rows))
    whole = {field: table.columns[columns.at[field]] for field in _LIMITS if field in columns.at}
    units = {field: head(table.names[columns.at[field]]).unit for field in whole}
    long, joined_columns = joined(table.file, series, unit, notes, whole)
    return Table(
        long.file, long.names, long.columns, long.rows, long.moments,
        {**long.units, **{joined_columns.at[field]: unit for field, unit in units.items() if unit}},
    ), joined_columns  # fmt: skip


def joined(
    file: str,
    series: Sequence[Series],
    unit: Unit | None,
    notes: Notes,
    whole: dict[str, Sequence[Any]] | None = None,
) -> Long:
    """Return series one after the other in a long table; a limit or total joins the memory of its owner.

    Parameters
    ----------
    unit
        Unit of the values, if no name gives one.
    whole
        Columns by field that apply to every series, each as long as the series.

    Raises
    ------
    BadRecording
        If no series has memory.
    """
    whole = whole or {}
    read = [_amounts(file, one, unit, notes) for one in series]
    owned = list(zip(series, read, owners(series), strict=True))
    limits = {(owner, one.field): _by_time(one, size) for one, size, owner in owned if one.field in _LIMITS}
    own = [field for field in _LIMITS if field not in whole and any(field == known for _, known in limits)]
    memory = [(one, size, owner) for one, size, owner in owned if one.field not in _LIMITS]
    out: dict[str, list[Any]] = {name: [] for name in (*_WHO, "used", *own, *whole)}
    rows: list[int] = []
    for one, size, owner in memory:
        kept = [at for at, value in enumerate(size.values) if value is not None]
        times = [one.times[at] for at in kept]
        out["timestamp"] += times
        out["service"] += [owner[0]] * len(kept)
        out["instance"] += [owner[1]] * len(kept)
        out["used"] += [size.values[at] for at in kept]
        for field in own:
            out[field] += _at(limits.get((owner, field)), times)
        for field, values in whole.items():
            out[field] += [values[at] for at in kept]
        rows += [one.rows[at] for at in kept]
    if not rows:
        raise BadRecording(f"{file} holds no values of memory")
    units = _units(file, len(_WHO) + 1 + len(own), [size for _, size, _ in memory])
    table = Table(file, list(out), list(out.values()), rows, frozenset({0}), units)
    return table, Columns({name: at for at, name in enumerate(out)}, set(), [])


def _amounts(file: str, series: Series, unit: Unit | None, notes: Notes) -> Amounts:
    name = series.metric.name or series.text
    own = head(name).unit
    alone = Table(file, [series.text], [series.values], series.rows)
    return amounts(alone, 0, series.text, own if own in BYTES.values() else unit, notes)


def _units(file: str, names: int, memory: Sequence[Amounts]) -> dict[int, Unit]:
    """Return the unit of memory and of its limits by position: percent, bytes, or none if unknown."""
    percent = [size.percent for size in memory]
    if any(percent):
        if not all(percent):
            raise BadRecording(f"{file}: some series are in percent and others are not: give one unit")
        return {len(_WHO): PERCENT}
    known = any(size.has_unit for size in memory)
    return {at: BYTES["b"] for at in range(len(_WHO), names) if known}


def _by_time(series: Series, size: Amounts) -> list[tuple[float, float]]:
    pairs = zip(series.times, size.values, strict=True)
    return sorted((time, value) for time, value in pairs if time is not None and value is not None)


def _at(known: list[tuple[float, float]] | None, times: Sequence[float | None]) -> list[float | None]:
    """Return the last known value at each time; before the first value, the first."""
    if not known:
        return [None] * len(times)
    moments = [time for time, _ in known]
    return [None if t is None else known[max(0, bisect_right(moments, t) - 1)][1] for t in times]
