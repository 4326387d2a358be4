"""Columns of a table as text, seconds, counts and bytes."""

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
from fleetleak_app.reading.findings import BadRecording, Findings, shortened
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
    """What one file gave.

    Parameters
    ----------
    columns
        By field, of one length: text, seconds, counts, and bytes as they stand in the file's unit.
    rows
        The number of each row in the file.
    read
        Rows there were, those left out among them.
    exact
        Whether the unit of the bytes is known.
    """

    file: str
    columns: dict[str, list[Any]]
    rows: Sequence[int]
    read: int
    exact: bool


def typed(table: Table, columns: Columns, unit: Unit | None, whole: int | None, findings: Findings) -> Part:
    """Read the columns of a table.

    Parameters
    ----------
    unit
        Of the columns of bytes that do not tell their own.
    whole
        Bytes that 100 % are, if the user says so.

    Raises
    ------
    BadRecording
        If what is needed cannot be read.
    """
    found: dict[str, list[Any]] = {}
    sizes: dict[str, Amounts] = {}
    for name, at in columns.at.items():
        try:
            if name in names.BYTE_FIELDS:
                sizes[name] = amounts(table, at, table.names[at], _unit(table, at, unit), findings)
            else:
                found[name] = _other(name, table, at, findings)
        except BadRecording as error:
            if name in _NEEDED or name in columns.given:
                raise
            findings.note(f"not read as {name}: {error}")
    found |= _in_bytes(sizes, len(table.rows), whole, findings)
    _name_services(found, table, findings)
    _leave_stray(found)
    exact = any(size.has_unit and (whole or not size.percent) for size in sizes.values())
    return _complete(Part(table.file, found, table.rows, len(table.rows), exact), table, columns, findings)


def _unit(table: Table, at: int, unit: Unit | None) -> Unit | None:
    own = table.units.get(at) or names.head(table.names[at]).unit
    return own if own is PERCENT or own in BYTES.values() else unit


def _other(name: str, table: Table, at: int, findings: Findings) -> list[Any]:
    column = table.names[at]
    if name in names.TEXT:
        return _texts(name, table, at, findings)
    if name in names.TIMES:
        own = names.head(column).unit
        times = seconds(table, at, column, own if own in TIME.values() else None, findings)
        if name != "timestamp":
            _leave_none("values that are no time", times, table, at, findings, empty=False)
        return times
    most = _MOST_COUNT if name in names.COUNTERS else _MOST_SECONDS
    numbers = amounts(table, at, column, None, findings, most).values
    if name in names.SECONDS:
        return numbers
    # Just below 2^63 a float is 2^63.
    return [None if v is None else min(int(v), _MOST_COUNT) for v in numbers]


def _texts(name: str, table: Table, at: int, findings: Findings) -> list[str | None]:
    values = table.columns[at]
    try:
        known = {value: _name(value) for value in set(values)}
    except TypeError:
        raise BadRecording(f"{table.place(0, table.names[at])} is no text") from None
    wrong = {value for value, text_ in known.items() if text_ is not None and not _is_good(name, text_)}
    if wrong:
        places = [row for row, value in enumerate(values) if value in wrong]
        what = "that are no scope" if name == "scope" else f"longer than {_LONGEST_NAME} signs"
        findings.leave(f"values {what}", len(places), table.place(places[0], table.names[at]))
        known |= dict.fromkeys(wrong)
    return [known[value] for value in values]


def _name(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def _is_good(name: str, value: str) -> bool:
    return value in get_args(Scope) if name == "scope" else len(value) <= _LONGEST_NAME


def _in_bytes(
    sizes: dict[str, Amounts], rows: int, whole: int | None, findings: Findings
) -> dict[str, list[float | None]]:
    """Turn percentages into bytes where it is known of how many; else they are of 100."""
    found = {name: size.values for name, size in sizes.items()}
    percent = [name for name, size in sizes.items() if size.percent]
    if not percent:
        return found
    base = next((name for name in ("total", "limit") if name in sizes and not sizes[name].percent), None)
    if base is None and whole is None:
        if "total" not in found and "limit" not in found:
            findings.note(f"{' and '.join(percent)} is in percent: total is 100 %")
            found["total"] = [100.0] * rows
        return found
    bases = [whole] * rows if whole is not None or base is None else found[base]
    findings.note(f"{' and '.join(percent)} is in percent of {'the option' if whole else base}")
    for name in percent:
        found[name] = [_share(v, of) for v, of in zip(found[name], bases, strict=True)]
    return found


def _share(percent: float | None, whole: float | None) -> float | None:
    if percent is None or whole is None or (size := percent * whole / 100) > MOST_BYTES:
        return None
    return size


def _name_services(found: dict[str, list[Any]], table: Table, findings: Findings) -> None:
    """Fill in the service by the file's name, and the instance by its service."""
    if "service" not in found:
        path = Path(table.file)
        stem = (path.with_suffix("") if path.suffix == ".gz" else path).stem[:_LONGEST_NAME] or "recording"
        findings.note(f"{table.file} has no column of services: its service is `{stem}`")
        found["service"] = [stem] * len(table.rows)
    if "instance" not in found:
        found["instance"] = found["service"]
    elif None in found["instance"]:
        pairs = zip(found["instance"], found["service"], strict=True)
        found["instance"] = [instance or service for instance, service in pairs]


def _leave_stray(found: dict[str, list[Any]]) -> None:
    """Leave out single times near 0 among others, such as an unset clock's."""
    if wrong := stray(found["timestamp"], found["instance"]):
        found["timestamp"] = list(found["timestamp"])
        for at in wrong:
            found["timestamp"][at] = None


def _complete(part: Part, table: Table, columns: Columns, findings: Findings) -> Part:
    """Leave out the rows that have no time or no service.

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
        _leave_none(reason, values, table, columns.at[name], findings)
        keep = [kept and value is not None for kept, value in zip(keep, values, strict=True)]
    if all(keep):
        return part
    if not any(keep):
        raise BadRecording(f"{part.file} holds no row with a time and a service; {findings.reasons()}")
    kept = {name: list(compress(column, keep)) for name, column in part.columns.items()}
    return Part(part.file, kept, list(compress(part.rows, keep)), part.read, part.exact)


def _leave_none(
    reason: str, values: Sequence[Any], table: Table, at: int, findings: Findings, empty: bool = True
) -> None:
    """Count what came to nothing, with or without what was `empty` in the file; show the first."""
    raw = table.columns[at]
    gone = [row for row, value in enumerate(values) if value is None and (empty or not is_missing(raw[row]))]
    if gone:
        shown = "" if is_missing(raw[gone[0]]) else f": {shortened(raw[gone[0]])}"
        findings.leave(reason, len(gone), table.place(gone[0], table.names[at]) + shown)
