"""Times in their usual forms, as unix seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetleak_app.reading.notes import BadRecording, Notes, shortened
from fleetleak_app.reading.numbers import finite, is_missing, plain
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.units import TIME, Unit

_1971, _2200 = 31_536_000.0, 7_258_118_400.0
_RELATIVE_BELOW = 1e8
_UNITS = tuple(TIME[name] for name in ("s", "ms", "us", "ns"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_UNDERSTOOD = "unix seconds (or ms, us, ns), YYYY-MM-DD HH:MM:SS or ISO 8601"
# Unix times as spreadsheets write them.
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
    """The values of a column as numbers, the first position of each form, and the unreadable positions."""

    values: list[float | None]
    first: dict[str, int]
    unread: list[int]


def seconds(table: Table, at: int, column: str, unit: Unit | None, notes: Notes) -> list[float | None]:
    """Return a column of times as unix seconds; None where a time is missing or not plausible.

    Parameters
    ----------
    at
        The column's position.
    unit
        The unit in the header; used only if the numbers do not show theirs.

    Raises
    ------
    BadRecording
        If the column mixes forms or units, or if most values are no times.
    """
    values = table.columns[at]
    if at in table.moments:
        return list(values)
    _refuse_rounded(table, values[0], column)
    numbers = plain(values)
    if numbers is not None:
        return _scaled(numbers, table, column, unit, notes)
    moments = _moments(values)
    _check_forms(moments, table, values, column)
    if "a number" in moments.first:
        return _scaled(moments.values, table, column, unit, notes)
    if "a time without zone" in moments.first:
        notes.note("times have no zone: read as UTC")
    return _plausible(moments.values, _1971)


def _refuse_rounded(table: Table, first: Any, column: str) -> None:
    rounded = _ROUNDED.fullmatch(first.strip()) if isinstance(first, str) else None
    if rounded and int(rounded[2]) > len(rounded[1]) + 1:
        raise BadRecording(
            f"{table.place(0, column)}: {first} has lost its last digits:"
            " show the column as whole numbers before you export it"
        )


def _check_forms(moments: _Moments, table: Table, values: Sequence[Any], column: str) -> None:
    if 2 * len(moments.unread) > len(values) - moments.values.count(None) + len(moments.unread):
        first = moments.unread[0]
        raise BadRecording(
            f"{table.place(first, column)}: {shortened(values[first])} is no time: give {_UNDERSTOOD}"
        )
    if len(moments.first) > 1:
        (one, _), (other, place) = sorted(moments.first.items(), key=lambda item: item[1])[:2]
        raise BadRecording(
            f"{table.place(place, column)}: {shortened(values[place])} is {other}, the rows above have {one}:"
            " give all times in one form"
        )


def is_time_of_day(value: Any) -> bool:
    """Return whether a value is a time of day without a date."""
    return isinstance(value, str) and _TIME_OF_DAY.fullmatch(value) is not None


def looks_like_time(value: Any) -> bool:
    """Return whether a value is a date, with or without a time of day, and not a plain number."""
    return isinstance(value, str) and len(value) > 7 and plain([value]) is None and _moment(value) is not None


def _moments(values: Sequence[Any]) -> _Moments:
    moments = _Moments([], {}, [])
    for at, value in enumerate(values):
        moment = None if is_missing(value) else _number(value) or _moment(value)
        if moment is None and not is_missing(value):
            moments.unread.append(at)
        moments.values.append(None if moment is None else moment[0])
        if moment is not None and moment[1] not in moments.first:
            moments.first[moment[1]] = at
    return moments


def _number(value: Any) -> tuple[float, str] | None:
    try:
        number = finite(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return None if number is None else (number, "a number")


def _moment(value: Any) -> tuple[float, str] | None:
    """Return a time as unix seconds, with the name of its form."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        loose = _loose(value.strip())
        if loose is None:
            return None
        moment = loose
    if moment.tzinfo is None:
        return (moment.replace(tzinfo=UTC) - _EPOCH) / _SECOND, "a time without zone"
    return (moment - _EPOCH) / _SECOND, "a time with zone"


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
    numbers: list[float | None], table: Table, column: str, unit: Unit | None, notes: Notes
) -> list[float | None]:
    """Return numbers as unix seconds; their size shows the unit."""
    known = [number for number in numbers if number is not None]
    if not known:
        return numbers
    low, high = min(known), max(known)
    if high < _RELATIVE_BELOW:
        return _relative(numbers, unit or _UNITS[0], notes)
    shown = _unit_of(high)
    if shown is _UNITS[0]:
        if low < _1971:
            notes.note("some timestamps count from 0: read as seconds from 1970")
        return _plausible(numbers, 0.0)
    if shown is None or _unit_of(low) is not shown:
        shown = _one_unit(numbers, table, column)
    if shown is not _UNITS[0]:
        notes.note(f"timestamps are {shown.name}")
        numbers = [None if number is None else number / shown.factor for number in numbers]
    return _plausible(numbers, _1971)


def _relative(numbers: list[float | None], unit: Unit, notes: Notes) -> list[float | None]:
    notes.note(f"timestamps count from 0: read as {unit.name} from 1970")
    return _plausible([None if number is None else number / unit.factor for number in numbers], 0.0)


def _one_unit(numbers: list[float | None], table: Table, column: str) -> Unit:
    """Return the one unit of all numbers that are plausible times.

    Raises
    ------
    BadRecording
        If there is none, or more than one.
    """
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
    """Return the numbers with None for times before `first` or after 2200."""
    known = [number for number in numbers if number is not None]
    if known and min(known) >= first and max(known) <= _2200:
        return numbers
    return [n if n is not None and first <= n <= _2200 else None for n in numbers]


def stray(times: Sequence[float | None], owners: Sequence[Any]) -> list[int]:
    """Return the positions of times near 0 that are wrong: their owner also has times after 1971."""
    if not any(time is not None and time < _1971 for time in times):
        return []
    pairs = list(zip(times, owners, strict=True))
    late = {owner for time, owner in pairs if time is not None and time >= _1971}
    return [
        at for at, (time, owner) in enumerate(pairs) if time is not None and time < _1971 and owner in late
    ]
