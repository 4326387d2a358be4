"""Times in the forms that people have, as unix seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetleak_app.reading.findings import BadRecording, Findings, shortened
from fleetleak_app.reading.numbers import finite, is_missing, plain
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.units import TIME, Unit

_1971, _2200 = 31_536_000.0, 7_258_118_400.0
_RELATIVE_BELOW = 1e8
_UNITS = tuple(TIME[name] for name in ("s", "ms", "us", "ns"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_UNDERSTOOD = "unix seconds (or ms, us, ns), YYYY-MM-DD HH:MM:SS or ISO 8601"
# What spreadsheets make of unix times.
_ROUNDED = re.compile(r"\d[.,](\d+)[eE]\+(\d{1,3})", re.ASCII)
_TIME_OF_DAY = re.compile(r"\s*\d{1,2}:\d\d(:\d\d([.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?\s*", re.ASCII)
_LOOSE = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[Tt ]\s*(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(Z|z|UTC|GMT|[+-]\d\d:?\d\d)?(?: UTC| GMT)?",
    re.ASCII,
)


@dataclass
class _Moments:
    """A column's values by form, as numbers, and where each form first stands."""

    values: list[float | None]
    first: dict[str, int]
    unread: list[int]


def seconds(table: Table, at: int, column: str, unit: Unit | None, findings: Findings) -> list[float | None]:
    """Give a column of times as unix seconds; None where there is none, or none that is plausible.

    Parameters
    ----------
    at
        The column's position.
    unit
        What its header says; believed only where the numbers do not tell.

    Raises
    ------
    BadRecording
        If the column mixes forms or units, or most of it is no time.
    """
    values = table.columns[at]
    if at in table.moments:
        return list(values)
    _refuse_rounded(table, values[0], column)
    numbers = plain(values)
    if numbers is not None:
        return _scaled(numbers, table, column, unit, findings)
    found = _moments(values)
    _check_forms(found, table, values, column)
    if "a number" in found.first:
        return _scaled(found.values, table, column, unit, findings)
    if "a time without zone" in found.first:
        findings.note("times have no zone: read as UTC")
    return _plausible(found.values, _1971)


def _refuse_rounded(table: Table, first: Any, column: str) -> None:
    rounded = _ROUNDED.fullmatch(first.strip()) if isinstance(first, str) else None
    if rounded and int(rounded[2]) > len(rounded[1]) + 1:
        raise BadRecording(
            f"{table.place(0, column)}: {first} has lost its last digits:"
            " show the column as whole numbers before you export it"
        )


def _check_forms(found: _Moments, table: Table, values: Sequence[Any], column: str) -> None:
    if 2 * len(found.unread) > len(values) - found.values.count(None) + len(found.unread):
        first = found.unread[0]
        raise BadRecording(
            f"{table.place(first, column)}: {shortened(values[first])} is no time: give {_UNDERSTOOD}"
        )
    if len(found.first) > 1:
        (one, _), (other, place) = sorted(found.first.items(), key=lambda item: item[1])[:2]
        raise BadRecording(
            f"{table.place(place, column)}: {shortened(values[place])} is {other}, the rows above have {one}:"
            " give all times in one form"
        )


def is_time_of_day(value: Any) -> bool:
    """Tell whether a value is a time without its date."""
    return isinstance(value, str) and _TIME_OF_DAY.fullmatch(value) is not None


def looks_like_time(value: Any) -> bool:
    """Tell whether a value is a date with or without time, and no plain number."""
    return isinstance(value, str) and len(value) > 7 and plain([value]) is None and _moment(value) is not None


def _moments(values: Sequence[Any]) -> _Moments:
    found = _Moments([], {}, [])
    for at, value in enumerate(values):
        moment = None if is_missing(value) else _number(value) or _moment(value)
        if moment is None and not is_missing(value):
            found.unread.append(at)
        found.values.append(None if moment is None else moment[0])
        if moment is not None and moment[1] not in found.first:
            found.first[moment[1]] = at
    return found


def _number(value: Any) -> tuple[float, str] | None:
    try:
        number = finite(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return None if number is None else (number, "a number")


def _moment(value: Any) -> tuple[float, str] | None:
    """Give a time as unix seconds and its form."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        loose = _loose(value.strip())
        if loose is None:
            return None
        found = loose
    if found.tzinfo is None:
        return (found.replace(tzinfo=UTC) - _EPOCH) / _SECOND, "a time without zone"
    return (found - _EPOCH) / _SECOND, "a time with zone"


def _loose(text: str) -> datetime | None:
    match = _LOOSE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    offset = "+00:00" if zone in ("Z", "z", "UTC", "GMT") else zone or ""
    iso = f"{year}-{month:0>2}-{day:0>2}T{hour or 0:0>2}:{minute or '00'}:{second or '00'}"
    try:
        return datetime.fromisoformat(f"{iso}.{(fraction or '0')[:6]:0<6}{offset}")
    except ValueError:
        return None


def _unit_of(value: float) -> Unit | None:
    return next((unit for unit in _UNITS if _1971 <= value / unit.factor <= _2200), None)


def _scaled(
    numbers: list[float | None], table: Table, column: str, unit: Unit | None, findings: Findings
) -> list[float | None]:
    """Give numbers as unix seconds, by their magnitude."""
    known = [number for number in numbers if number is not None]
    if not known:
        return numbers
    low, high = min(known), max(known)
    if high < _RELATIVE_BELOW:
        return _relative(numbers, unit or _UNITS[0], findings)
    told = _unit_of(high)
    if told is _UNITS[0]:
        if low < _1971:
            findings.note("some timestamps count from 0: read as seconds from 1970")
        return _plausible(numbers, 0.0)
    if told is None or _unit_of(low) is not told:
        told = _one_unit(numbers, table, column)
    if told is not _UNITS[0]:
        findings.note(f"timestamps are {told.name}")
        numbers = [None if number is None else number / told.factor for number in numbers]
    return _plausible(numbers, _1971)


def _relative(numbers: list[float | None], unit: Unit, findings: Findings) -> list[float | None]:
    findings.note(f"timestamps count from 0: read as {unit.name} from 1970")
    return _plausible([None if number is None else number / unit.factor for number in numbers], 0.0)


def _one_unit(numbers: list[float | None], table: Table, column: str) -> Unit:
    """Give the unit of the numbers that have one; they must agree."""
    first: dict[str, int] = {}
    units = {}
    for at, number in enumerate(numbers):
        unit = None if number is None else _unit_of(number)
        if unit is not None and unit.name not in first:
            first[unit.name], units[unit.name] = at, unit
    if not first:
        at = next(at for at, number in enumerate(numbers) if number is not None)
        raise BadRecording(
            f"{table.place(at, column)}: {numbers[at]:.15g} is no time between 1971 and 2200 in seconds,"
            f" milliseconds, microseconds or nanoseconds: give {_UNDERSTOOD}"
        )
    if len(first) > 1:
        one, other = list(first)[:2]
        raise BadRecording(
            f"{table.place(first[other], column)}: {numbers[first[other]]:.15g} looks like {other},"
            f" the rows above like {one}: give all times in one unit"
        )
    return next(iter(units.values()))


def _plausible(numbers: list[float | None], first: float) -> list[float | None]:
    """Leave out what is before `first` or after 2200."""
    known = [number for number in numbers if number is not None]
    if known and min(known) >= first and max(known) <= _2200:
        return numbers
    return [n if n is not None and first <= n <= _2200 else None for n in numbers]


def stray(times: Sequence[float | None], owners: Sequence[Any]) -> list[int]:
    """Give the positions of times from 0 on whose owner also has times since 1971: they are no times."""
    if not any(time is not None and time < _1971 for time in times):
        return []
    pairs = list(zip(times, owners, strict=True))
    late = {owner for time, owner in pairs if time is not None and time >= _1971}
    return [
        at for at, (time, owner) in enumerate(pairs) if time is not None and time < _1971 and owner in late
    ]
