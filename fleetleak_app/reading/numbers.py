"""Whole columns of plain numbers, read fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MISSING = frozenset(
    {"", "-", "--", "nan", "null", "none", "n/a", "na", "#n/a", "undefined", "nil"}
    | {"inf", "+inf", "-inf", "infinity", "+infinity", "max", "unlimited"}
)
"""Texts for a missing value, or for no limit, in small letters."""


def plain(values: Sequence[Any]) -> list[float | None] | None:
    """Return a column as numbers, None for an empty or infinite value; None if a value is no plain number."""
    try:
        numbers: list[float | None] = list(map(float, values))
        # The sum is finite only if all numbers are.
        if math.isfinite(math.fsum(numbers)):  # type: ignore[arg-type]
            return numbers
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return [None if v is None or v == "" else finite(float(v)) for v in values]
    except (TypeError, ValueError, OverflowError):
        return None


def finite(value: float) -> float | None:
    """Return a number, or None if it is not finite."""
    return value if math.isfinite(value) else None


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))
