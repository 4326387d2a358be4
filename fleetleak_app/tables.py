"""Tables for the lists of all commands: columns that fit the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

_GAP = "  "
_ELLIPSIS = "…"
_LEAST = 8


def terminal_width() -> int:
    """Return the width of the terminal in characters; 80 without a terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def render(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], width: int | None = None) -> str:
    """Return rows as lines under a header.

    Parameters
    ----------
    rows
        Values by key; numbers are aligned to the right, None is shown as a dash.
    columns
        The header of each key, in order.
    width
        Most characters per line; None takes the width of the terminal. The widest columns are shortened in
        their middle, down to eight characters.

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
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(value, int | float) for value in present)


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """Return the widths, with the widest made smaller until the line fits."""
    fitted = list(widths)
    available = width - len(_GAP) * (len(widths) - 1)
    while sum(fitted) > available and max(fitted) > _LEAST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        shorten(cell, width).rjust(width) if right else shorten(cell, width).ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def shorten(text: str, width: int) -> str:
    """Return a text without its middle if it is too long: names differ at both ends.

    Examples
    --------
    >>> shorten("payments-eu-central-1", 12)
    'paymen…ral-1'
    """
    if len(text) <= width:
        return text
    front = width // 2
    return text[:front] + _ELLIPSIS + text[len(text) - (width - front - 1) :]
