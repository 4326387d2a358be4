"""Whole columns of plain numbers, fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MISSING = frozenset(
    {"", "-", "--", "nan", "null", "none", "n/a", "na", "#n/a", "undefined", "nil"}
    | {"inf", "+inf", "-inf", "infinity", "+infinity", "max", "unlimited"}
)
"""What stands for no value, or no limit, in small letters."""


def plain(values: Sequence[Any]) -> list[float | None] | None:
    """Give a column as numbers, what is empty or not finite as None; None if a value is no plain number."""
    try:
        found: list[float | None] = list(map(float, values))
        # One sum tells whether all are finite.
        if math.isfinite(math.fsum(found)):  # type: ignore[arg-type]
            return found
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return [None if v is None or v == "" else finite(float(v)) for v in values]
    except (TypeError, ValueError, OverflowError):
        return None


def finite(value: float) -> float | None:
    """Give a number, or None where it is not finite."""
    return value if math.isfinite(value) else None


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))
