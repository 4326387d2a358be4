"""Amounts of memory in their usual forms, as bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fleetleak_app.reading.notes import BadRecording, Notes, shortened
from fleetleak_app.reading.numbers import finite, is_missing, plain
from fleetleak_app.reading.table import Table
from fleetleak_app.reading.units import BYTES, PERCENT, Unit

MOST_BYTES = 2**60
_SPACES = re.compile("(?<=\\d)[ \u00a0\u202f\u2009'\u2019](?=\\d{3}(?!\\d))")
_AMOUNT = re.compile(r"([+-]?\d[\d.,]*|[+-]?[.,]\d+)((?:[eE][+-]?\d+)?)\s*([A-Za-z%]*)", re.ASCII)
_GROUPS = {mark: re.compile(rf"[+-]?\d{{1,3}}(?:\{mark}\d{{3}})+") for mark in ",."}
_OTHER = {",": ".", ".": ","}


@dataclass
class Amounts:
    """A column of amounts.

    Parameters
    ----------
    values
        Bytes; with `percent`, percentages.
    has_unit
        Whether the header, the values or an option give the unit.
    """

    values: list[float | None]
    has_unit: bool = False
    percent: bool = False


@dataclass
class _Text:
    """One value as text: its number, exponent and unit."""

    at: int
    number: str
    exponent: str
    unit: Unit | None


def amounts(
    table: Table, at: int, column: str, unit: Unit | None, notes: Notes, most: float = MOST_BYTES
) -> Amounts:
    """Return a column as bytes; None where a value is missing, or not between 0 and `most`.

    Parameters
    ----------
    at
        The column's position.
    unit
        Unit of the values without their own; by default bytes.

    Raises
    ------
    BadRecording
        If most values are no amounts, or a comma or point can mean two things.
    """
    numbers = plain(table.columns[at])
    read = Amounts([], unit is not None, unit is PERCENT)
    _note_units({unit} if unit else set(), notes)
    if numbers is None:
        numbers, read = _written(table, at, column, unit, notes)
    elif unit is not None and unit.factor != 1:
        numbers = [None if number is None else number * unit.factor for number in numbers]
    read.values = _in_range(numbers, most, table, column, notes)
    return read


def is_amount(value: Any) -> bool:
    """Return whether a value could be an amount of memory."""
    return plain([value]) is not None or (isinstance(value, str) and _text(0, value) is not None)


def _in_range(
    numbers: list[float | None], most: float, table: Table, column: str, notes: Notes
) -> list[float | None]:
    known = numbers if None not in numbers else [number for number in numbers if number is not None]
    if not known or (min(known) >= 0 and max(known) <= most):  # type: ignore[type-var, operator]
        return numbers
    for reason, wrong in (
        ("values below 0", [at for at, n in enumerate(numbers) if n is not None and n < 0]),
        ("values above 2^60 (no limit)", [at for at, n in enumerate(numbers) if n is not None and n > most]),
    ):
        if wrong:
            notes.leave(reason, len(wrong), table.place(wrong[0], column))
    return [n if n is not None and 0 <= n <= most else None for n in numbers]


def _written(
    table: Table, at: int, column: str, unit: Unit | None, notes: Notes
) -> tuple[list[float | None], Amounts]:
    """Return numbers with thousands separators, decimal commas and units, as bytes."""
    values = table.columns[at]
    known = [row for row, value in enumerate(values) if not is_missing(value)]
    texts = [text for row in known if (text := _text(row, values[row])) is not None]
    decimal = _decimal_mark(texts, table, column, values)
    numbers: list[float | None] = [None] * len(values)
    unread = set(known)
    for text in texts:
        number = _number(text, decimal)
        if number is not None:
            own = text.unit or unit
            numbers[text.at] = number * (own.factor if own else 1.0)
            unread.discard(text.at)
    if 2 * len(unread) > len(known):
        first = min(unread)
        raise BadRecording(
            f"{table.place(first, column)}: {shortened(values[first])} is no amount of memory:"
            " give bytes, or a number with a unit such as 1.5 GiB"
        )
    if unread:
        notes.leave("values that are no amount", len(unread), table.place(min(unread), column))
    units = {(text.unit or unit) for text in texts if text.at not in unread}
    _note_units({text.unit for text in texts if text.unit}, notes)
    return numbers, Amounts([], None not in units, _all_percent(units, texts, table, column))


def _text(at: int, value: Any) -> _Text | None:
    if not isinstance(value, str):
        try:
            number = finite(float(value))
        except (TypeError, ValueError, OverflowError):
            return None
        return None if number is None else _Text(at, repr(number), "", None)
    match = _AMOUNT.fullmatch(_SPACES.sub("", value.strip().replace("\u2212", "-")))
    if match is None:
        return None
    unit = BYTES.get(match[3].lower()) if match[3] else None
    return None if match[3] and unit is None else _Text(at, match[1], match[2], unit)


def _decimal_mark(texts: Sequence[_Text], table: Table, column: str, values: Sequence[Any]) -> str:
    """Return the decimal sign of the whole column.

    Raises
    ------
    BadRecording
        If rows have different ones, or a number can mean two things.
    """
    marks: dict[str, int] = {}
    unsure = None
    for text in texts:
        if (mark := _decimal_of(text.number)) is None:
            unsure = text.at if unsure is None and _ambiguous(text.number) else unsure
        else:
            marks.setdefault(mark, text.at)
    if len(marks) > 1:
        second = max(marks.values())
        raise BadRecording(
            f"{table.place(second, column)}: {shortened(values[second])} has other decimals than"
            " the rows above: give all numbers in one form"
        )
    if not marks and unsure is not None:
        number = shortened(values[unsure])
        raise BadRecording(
            f"{table.place(unsure, column)}: {number} can mean thousands or decimals:"
            " give numbers without signs between thousands"
        )
    return next(iter(marks), ".")


def _ambiguous(number: str) -> bool:
    # A single point is the decimal point, unless another row shows that it is not.
    return "," in number


def _decimal_of(number: str) -> str | None:
    """Return the decimal sign that the form of a number shows, or None.

    Examples
    --------
    >>> [_decimal_of(x) for x in ("1,073,741", "1.073,5", "1,5", "1,234", "12")]
    ['.', ',', ',', None, None]
    """
    present = [mark for mark in ",." if mark in number]
    if len(present) > 1:
        return max(present, key=number.rfind)
    if not present:
        return None
    mark = present[0]
    if number.count(mark) > 1:
        return _OTHER[mark]
    before, _, after = number.lstrip("+-").partition(mark)
    could_be_group = len(after) == 3 and 1 <= len(before) <= 3 and before != "0"
    return None if could_be_group else mark


def _number(text: _Text, decimal: str) -> float | None:
    whole, mark, rest = text.number.partition(decimal)
    group = _OTHER[decimal]
    if group in rest or decimal in rest or (group in whole and not _GROUPS[group].fullmatch(whole)):
        return None
    plain_text = whole.replace(group, "") + (f".{rest}" if mark else "") + text.exponent
    number = float(plain_text)
    return number if math.isfinite(number) else None


def _note_units(units: set[Unit], notes: Notes) -> None:
    for unit in sorted(units):
        if unit.factor > 1:
            notes.note(f"{unit.name} is read as {unit.factor:,.0f} bytes")


def _all_percent(units: set[Unit | None], texts: Sequence[_Text], table: Table, column: str) -> bool:
    if PERCENT in units and len(units) > 1:
        other = next(text.at for text in texts if text.unit is not PERCENT)
        raise BadRecording(
            f"{table.place(other, column)} is no percentage, and other rows are: give one unit"
        )
    return PERCENT in units
