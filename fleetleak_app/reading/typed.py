"""The columns of a table as text, seconds, counts and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, get_args

from fleetleak.records.types import Scope
from fleetleak_app.reading import names
from fleetleak_app.reading.amounts import MOST_BYTES, Amounts, amounts
from fleetleak_app.reading.columns import Columns
from fleetleak_app.reading.notes import BadRecording, Notes, shortened
from fleetleak_app.reading.numbers import is_missing
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.times import seconds, stray
from fleetleak_app.reading.units import BYTES, PERCENT, TIME, Unit

_NEEDED = {"timestamp", "used", "anon", "total", "limit"}
_MOST_COUNT = 2**63 - 1
_MOST_SECONDS = 1e15
_LONGEST_NAME = 256


@dataclass
class Part:
    """The columns of one file.

    Parameters
    ----------
    columns
        By field, all of one length: text, seconds, counts, and memory in the unit of the file.
    rows
        The number of each row in the file.
    read
        Number of rows in the file, including those that are left out.
    exact
        Whether the unit of memory is known.
    """

    file: str
    columns: dict[str, list[Any]]
    rows: Sequence[int]
    read: int
    exact: bool


def typed(table: Table, columns: Columns, unit: Unit | None, whole: int | None, notes: Notes) -> Part:
    """Return the columns of a table with their types.

    Parameters
    ----------
    unit
        Unit of the columns of bytes without their own.
    whole
        Bytes of 100 %, if the user gave them.

    Raises
    ------
    BadRecording
        If a needed column cannot be read.
    """
    read: dict[str, list[Any]] = {}
    sizes: dict[str, Amounts] = {}
    for name, at in columns.at.items():
        try:
            if name in names.BYTE_FIELDS:
                sizes[name] = amounts(table, at, table.names[at], _unit(table, at, unit), notes)
            else:
                read[name] = _other(name, table, at, notes)
        except BadRecording as error:
            if name in _NEEDED or name in columns.given:
                raise
            notes.note(f"not read as {name}: {error}")
    read |= _in_bytes(sizes, len(table.rows), whole, notes)
    _name_services(read, table, notes)
    _leave_stray(read)
    exact = any(size.has_unit and (whole or not size.percent) for size in sizes.values())
    return _complete(Part(table.file, read, table.rows, len(table.rows), exact), table, columns, notes)


def _unit(table: Table, at: int, unit: Unit | None) -> Unit | None:
    own = table.units.get(at) or names.head(table.names[at]).unit
    return own if own is PERCENT or own in BYTES.values() else unit


def _other(name: str, table: Table, at: int, notes: Notes) -> list[Any]:
    column = table.names[at]
    if name in names.TEXT:
        return _texts(name, table, at, notes)
    if name in names.TIMES:
        own = names.head(column).unit
        times = seconds(table, at, column, own if own in TIME.values() else None, notes)
        if name != "timestamp":
            _leave_none("values that are no time", times, table, at, notes, empty=False)
        return times
    most = _MOST_COUNT if name in names.COUNTERS else _MOST_SECONDS
    numbers = amounts(table, at, column, None, notes, most).values
    if name in names.SECONDS:
        return numbers
    # The float nearest to the largest count is 2^63, which is too large.
    return [None if v is None else min(int(v), _MOST_COUNT) for v in numbers]


def _texts(name: str, table: Table, at: int, notes: Notes) -> list[str | None]:
    values = table.columns[at]
    try:
        known = {value: _name(value) for value in set(values)}
    except TypeError:
        raise BadRecording(f"{table.place(0, table.names[at])} is no text") from None
    wrong = {value for value, text_ in known.items() if text_ is not None and not _is_good(name, text_)}
    if wrong:
        places = [row for row, value in enumerate(values) if value in wrong]
        what = "that are no scope" if name == "scope" else f"longer than {_LONGEST_NAME} signs"
        notes.leave(f"values {what}", len(places), table.place(places[0], table.names[at]))
        known |= dict.fromkeys(wrong)
    return [known[value] for value in values]


def _name(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def _is_good(name: str, value: str) -> bool:
    return value in get_args(Scope) if name == "scope" else len(value) <= _LONGEST_NAME


def _in_bytes(
    sizes: dict[str, Amounts], rows: int, whole: int | None, notes: Notes
) -> dict[str, list[float | None]]:
    """Convert percentages to bytes if their base is known; otherwise 100 is the total."""
    read = {name: size.values for name, size in sizes.items()}
    percent = [name for name, size in sizes.items() if size.percent]
    if not percent:
        return read
    base = next((name for name in ("total", "limit") if name in sizes and not sizes[name].percent), None)
    if base is None and whole is None:
        if "total" not in read and "limit" not in read:
            notes.note(f"{' and '.join(percent)} is in percent: total is 100 %")
            read["total"] = [100.0] * rows
        return read
    bases = [whole] * rows if whole is not None or base is None else read[base]
    notes.note(f"{' and '.join(percent)} is in percent of {'the option' if whole else base}")
    for name in percent:
        read[name] = [_share(v, of) for v, of in zip(read[name], bases, strict=True)]
    return read


def _share(percent: float | None, whole: float | None) -> float | None:
    if percent is None or whole is None or (size := percent * whole / 100) > MOST_BYTES:
        return None
    return size


def _name_services(columns: dict[str, list[Any]], table: Table, notes: Notes) -> None:
    """Add a missing service (the name of the file) and a missing instance (the service)."""
    if "service" not in columns:
        path = Path(table.file)
        stem = (path.with_suffix("") if path.suffix == ".gz" else path).stem[:_LONGEST_NAME] or "recording"
        notes.note(f"{table.file} has no column of services: its service is `{stem}`")
        columns["service"] = [stem] * len(table.rows)
    if "instance" not in columns:
        columns["instance"] = columns["service"]
    elif None in columns["instance"]:
        pairs = zip(columns["instance"], columns["service"], strict=True)
        columns["instance"] = [instance or service for instance, service in pairs]


def _leave_stray(columns: dict[str, list[Any]]) -> None:
    """Leave out times near 0 among later ones, such as those of a clock that was not set."""
    if wrong := stray(columns["timestamp"], columns["instance"]):
        columns["timestamp"] = list(columns["timestamp"])
        for at in wrong:
            columns["timestamp"][at] = None


def _complete(part: Part, table: Table, columns: Columns, notes: Notes) -> Part:
    """Return a part without the rows that have no time or no service.

    Raises
    ------
    BadRecording
        If no row has both.
    """
    keep = [True] * len(part.rows)
    for name, reason in (("timestamp", "rows without a time"), ("service", "rows without a service")):
        values = part.columns[name]
        if None not in values:
            continue
        _leave_none(reason, values, table, columns.at[name], notes)
        keep = [kept and value is not None for kept, value in zip(keep, values, strict=True)]
    if all(keep):
        return part
    if not any(keep):
        raise BadRecording(f"{part.file} holds no row with a time and a service; {notes.reasons()}")
    kept = {name: list(compress(column, keep)) for name, column in part.columns.items()}
    return Part(part.file, kept, list(compress(part.rows, keep)), part.read, part.exact)


def _leave_none(
    reason: str, values: Sequence[Any], table: Table, at: int, notes: Notes, empty: bool = True
) -> None:
    """Note how many values are missing, with or without the `empty` ones of the file; show the first."""
    raw = table.columns[at]
    gone = [row for row, value in enumerate(values) if value is None and (empty or not is_missing(raw[row]))]
    if gone:
        shown = "" if is_missing(raw[gone[0]]) else f": {shortened(raw[gone[0]])}"
        notes.leave(reason, len(gone), table.place(gone[0], table.names[at]) + shown)
