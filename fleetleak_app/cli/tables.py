"""One style of table for every command's listing: columns that fit the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

_GAP = "  "
_ELLIPSIS = "…"
_LEAST = 8


def terminal_width() -> int:
    """Give the columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def render(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], width: int | None = None) -> str:
    """Give rows as lines under a header.

    Parameters
    ----------
    rows
        By key; numbers are aligned to the right, None is shown as a dash.
    columns
        The header of each key, in order.
    width
        Characters a line may have; None takes the terminal's. The widest columns are shortened in their
        middle, down to eight characters.

    Examples
    --------
    >>> rows = [{"name": "process/checkout-worker", "mib": 1.5}]
    >>> print(render(rows, {"name": "service", "mib": "MiB"}, 20))
    service          MiB
    process…-worker  1.5
    """
    cells = [[_text(row.get(key)) for key in columns] for row in rows]
    numeric = [_numeric([row.get(key) for row in rows]) for key in columns]
    heads = list(columns.values())
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    widths = _fitted(widths, terminal_width() if width is None else width)
    return "\n".join(_line(line, widths, numeric) for line in [heads, *cells])


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _numeric(values: Sequence[Any]) -> bool:
    there = [value for value in values if value is not None]
    return bool(there) and all(isinstance(value, int | float) for value in there)


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """Take from the widest until the line fits."""
    fitted = list(widths)
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(fitted) > room and max(fitted) > _LEAST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        shorten(cell, width).rjust(width) if right else shorten(cell, width).ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def shorten(text: str, width: int) -> str:
    """Leave out the middle of a text that is too long: both ends tell names apart.

    Examples
    --------
    >>> shorten("payments-eu-central-1", 12)
    'paymen…ral-1'
    """
    if len(text) <= width:
        return text
    front = width // 2
    return text[:front] + _ELLIPSIS + text[len(text) - (width - front - 1) :]
