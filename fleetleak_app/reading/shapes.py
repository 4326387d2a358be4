"""Many series side by side, or one after the other, to one long table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from fleetleak_app.reading.amounts import Amounts, amounts
from fleetleak_app.reading.columns import Columns
from fleetleak_app.reading.findings import BadRecording, Findings
from fleetleak_app.reading.names import head, without_unit
from fleetleak_app.reading.series import Metric, Series, labelled, owners
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.times import seconds
from fleetleak_app.reading.units import BYTES, PERCENT, Unit

_WHO = ("timestamp", "service", "instance")
_ROOM = ("limit", "total")
Long = tuple[Table, Columns]


def melted(table: Table, columns: Columns, unit: Unit | None, findings: Findings) -> Long:
    """Make a wide table long: each of its series is a service."""
    at = columns.at["timestamp"]
    name = table.names[at]
    times = seconds(table, at, name, head(name).unit, findings)
    series = []
    for place in columns.series:
        text = without_unit(table.names[place])
        metric = labelled(table.names[place]) or Metric(table.names[place], {})
        series.append(Series(text, metric, times, table.columns[place], table.rows))
    whole = {field: table.columns[columns.at[field]] for field in _ROOM if field in columns.at}
    units = {field: head(table.names[columns.at[field]]).unit for field in whole}
    long, found = joined(table.file, series, unit, findings, whole)
    return Table(
        long.file, long.names, long.columns, long.rows, long.moments,
        {**long.units, **{found.at[field]: unit for field, unit in units.items() if unit}},
    ), found  # fmt: skip


def joined(
    file: str,
    series: Sequence[Series],
    unit: Unit | None,
    findings: Findings,
    whole: dict[str, Sequence[Any]] | None = None,
) -> Long:
    """Put series one after the other; limits and totals go beside the memory of their owner.

    Parameters
    ----------
    unit
        What values are in where no name tells.
    whole
        Columns by field that count for every series, of the series' length.

    Raises
    ------
    BadRecording
        If no series is of memory.
    """
    whole = whole or {}
    read = [_amounts(file, one, unit, findings) for one in series]
    owned = list(zip(series, read, owners(series), strict=True))
    rooms = {(owner, one.field): _by_time(one, found) for one, found, owner in owned if one.field in _ROOM}
    own = [field for field in _ROOM if field not in whole and any(field == known for _, known in rooms)]
    memory = [(one, found, owner) for one, found, owner in owned if one.field not in _ROOM]
    out: dict[str, list[Any]] = {name: [] for name in (*_WHO, "used", *own, *whole)}
    rows: list[int] = []
    for one, found, owner in memory:
        kept = [at for at, value in enumerate(found.values) if value is not None]
        times = [one.times[at] for at in kept]
        out["timestamp"] += times
        out["service"] += [owner[0]] * len(kept)
        out["instance"] += [owner[1]] * len(kept)
        out["used"] += [found.values[at] for at in kept]
        for field in own:
            out[field] += _at(rooms.get((owner, field)), times)
        for field, values in whole.items():
            out[field] += [values[at] for at in kept]
        rows += [one.rows[at] for at in kept]
    if not rows:
        raise BadRecording(f"{file} holds no values of memory")
    units = _units(file, len(_WHO) + 1 + len(own), [found for _, found, _ in memory])
    table = Table(file, list(out), list(out.values()), rows, frozenset({0}), units)
    return table, Columns({name: at for at, name in enumerate(out)}, set(), [])


def _amounts(file: str, series: Series, unit: Unit | None, findings: Findings) -> Amounts:
    name = series.metric.name or series.text
    own = head(name).unit
    alone = Table(file, [series.text], [series.values], series.rows)
    return amounts(alone, 0, series.text, own if own in BYTES.values() else unit, findings)


def _units(file: str, names: int, memory: Sequence[Amounts]) -> dict[int, Unit]:
    """Tell the unit of memory, and of what is beside it: percent, bytes, or nothing where no name told it."""
    percent = [found.percent for found in memory]
    if any(percent):
        if not all(percent):
            raise BadRecording(f"{file}: some series are in percent and others are not: give one unit")
        return {len(_WHO): PERCENT}
    known = any(found.has_unit for found in memory)
    return {at: BYTES["b"] for at in range(len(_WHO), names) if known}


def _by_time(series: Series, found: Amounts) -> list[tuple[float, float]]:
    pairs = zip(series.times, found.values, strict=True)
    return sorted((time, value) for time, value in pairs if time is not None and value is not None)


def _at(known: list[tuple[float, float]] | None, times: Sequence[float | None]) -> list[float | None]:
    """Give what was known last at each time; before the first, the first."""
    if not known:
        return [None] * len(times)
    moments = [time for time, _ in known]
    return [None if t is None else known[max(0, bisect_right(moments, t) - 1)][1] for t in times]
