"""Which column is which field: as the user says, by the name of the field, or by a well-known name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fleetleak_app.reading.amounts import is_amount
from fleetleak_app.reading.mapping import positions
from fleetleak_app.reading.names import BYTE_FIELDS, FIELDS, SYNONYMS, TEXT, Head, head
from fleetleak_app.reading.notes import BadRecording, Notes, listed
from fleetleak_app.reading.numbers import is_missing
from fleetleak_app.reading.series import labelled
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.times import is_time_of_day, looks_like_time
from fleetleak_app.reading.units import TIME

_LOOKED_AT = 20
_MEMORY = ("used", "anon")
# Fields of a wide table; its other columns are series.
_WIDE_FIELDS = {"timestamp", "total", "limit"}


@dataclass
class Columns:
    """The columns to read.

    Parameters
    ----------
    at
        Position by field.
    given
        Fields with a column named by the user: a problem there is an error.
    series
        Positions of the columns with one series each, if the table is wide.
    """

    at: dict[str, int]
    given: set[str]
    series: list[int]


def dated(table: Table) -> Table:
    """Join the dates of a column `date` with the times of day of a column `time`."""
    keys = [head(name).key for name in table.names]
    if not {"date", "time"} <= set(keys) or table.moments:
        return table
    date, time = keys.index("date"), keys.index("time")
    if not _first(table, time, is_time_of_day):
        return table
    pairs = zip(table.columns[date], table.columns[time], strict=True)
    both = [f"{day} {hour}" if day and hour else None for day, hour in pairs]
    columns = [both if at == time else values for at, values in enumerate(table.columns) if at != date]
    names = [name for at, name in enumerate(table.names) if at != date]
    return Table(table.file, names, columns, table.rows)


def is_known(name: str) -> bool:
    """Return whether a name stands for a field, and cannot be that of a service, such as `app`."""
    return bool(_meanings(head(name)).keys() - TEXT)


def match(table: Table, mapping: Mapping[str, str], notes: Notes) -> Columns:
    """Return the columns to read from a table.

    Raises
    ------
    BadRecording
        If a column named by the user does not exist, or no column has times or memory.
    """
    given = positions(mapping, table.names, table.file)
    at = given | _by_name(table, given)
    if "timestamp" not in at:
        at["timestamp"] = _times(table)
    series = [] if _has_memory(at) or given.keys() & TEXT else _series(table, at)
    if series:
        at = {field: place for field, place in at.items() if field in _WIDE_FIELDS or field in given}
        notes.note(f"{table.file} has no column of memory: its other columns, {len(series)}, are services")
    elif not _has_memory(at):
        at["used"] = _memory(table, at)
    _note_names(table, at, given, notes)
    return Columns(at, set(given), series)


def _note_names(table: Table, at: Mapping[str, int], given: Mapping[str, int], notes: Notes) -> None:
    """Note which column is read as which field, if its name is not that of the field."""
    readings = []
    for field, place in at.items():
        name = table.names[place]
        rest = [other for number, other in enumerate(table.names) if number not in at.values()]
        alike = [other for other in rest if field in _meanings(head(other))]
        others = [other for other in alike if other == name or name != field]
        if field not in given and (name != field or others):
            readings.append(f"`{name}` as {field}" + (f" (not {listed(others)})" if others else ""))
    if readings:
        notes.note(f"reading column {', '.join(readings)}")


def _has_memory(at: Mapping[str, int]) -> bool:
    return any(field in at for field in _MEMORY)


def _meanings(name: Head) -> dict[str, int]:
    """Return the fields that a header can stand for, each with its rank (0 is best)."""
    if name.key in FIELDS:
        return {name.key: 0}
    if name.base in FIELDS and name.base != "working_set":
        return {name.base: 1}
    ranks = {}
    for field, synonyms in SYNONYMS.items():
        for key in (name.key, name.base):
            if key in synonyms:
                ranks[field] = 2 + synonyms.index(key)
    return ranks


def _by_name(table: Table, given: Mapping[str, int]) -> dict[str, int]:
    free = [at for at in range(len(table.names)) if at not in given.values()]
    meanings = {at: _meanings(head(table.names[at])) for at in free}
    chosen: dict[str, int] = {}
    for field in (*SYNONYMS, *sorted(FIELDS - SYNONYMS.keys())):
        ranked = sorted((meanings[at][field], at) for at in free if field in meanings[at])
        if field not in given and ranked:
            chosen[field] = ranked[0][1]
            free.remove(chosen[field])
    return chosen


def _times(table: Table) -> int:
    """Return the only column of times, if none has a known name.

    Raises
    ------
    BadRecording
        If there is none, or more than one.
    """
    times = [
        at for at in range(len(table.names)) if at in table.moments or _first(table, at, looks_like_time)
    ]
    if len(times) != 1:
        one = "; columns are separated by a comma, semicolon, tab or |" if len(table.names) == 1 else ""
        raise BadRecording(
            f"{table.file} has no timestamp: name its column with --columns timestamp=COLUMN;"
            f" it has {listed(table.names)}{one}"
        )
    return times[0]


def _first(table: Table, at: int, holds: Callable[[Any], bool]) -> bool:
    value = next(_some(table.columns[at]), None)
    return value is not None and holds(value)


def _some(values: Iterable[Any]) -> Iterator[Any]:
    return islice((value for value in values if not is_missing(value)), _LOOKED_AT)


def _series(table: Table, at: Mapping[str, int]) -> list[int]:
    """Return the series of a wide table; none if it has a column of names or of other memory fields."""
    own = {table.names[place].strip().lower() for place in at.values()}
    if own & (TEXT | BYTE_FIELDS - _WIDE_FIELDS):
        return []
    known = {place for field, place in at.items() if field in _WIDE_FIELDS}
    rest = [place for place in range(len(table.names)) if place not in known and table.names[place]]
    rest = [place for place in rest if not _first(table, place, looks_like_time)]
    if not all(_is_numeric(table.columns[place]) for place in rest):
        return []
    return [place for place in rest if head(table.names[place]).unit not in TIME.values()]


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(map(is_amount, _some(values)))


def _memory(table: Table, at: Mapping[str, int]) -> int:
    """Return the column of memory: a name with labels, or a working set.

    Raises
    ------
    BadRecording
        If there is none, or more than one.
    """
    memory = [
        place
        for place, name in enumerate(table.names)
        if (metric := labelled(name)) and "used" in _meanings(head(metric.name))
    ]
    memory = memory or ([at["working_set"]] if "working_set" in at else [])
    if len(memory) != 1:
        raise BadRecording(
            f"{table.file} has neither used nor anon: name a column with --columns used=COLUMN;"
            f" it has {listed(table.names)}"
        )
    return memory[0]
