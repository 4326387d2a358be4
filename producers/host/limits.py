"""Limits of memory, and which of several limits applies."""

from __future__ import annotations

from typing import NamedTuple, TypeGuard


class Limit(NamedTuple):
    """A finite limit in bytes, and the bytes that count against it; None where they are unknown."""

    name: str
    limit: int
    used: int | None


def _left(limit: Limit) -> int:
    """Return the bytes left below a limit; negative where more is in use than it allows."""
    return limit.limit - (limit.used or 0)


def least_left(limits: list[Limit]) -> Limit | None:
    """Return the limit with the fewest bytes left, of equal ones the first; None where there is no limit."""
    return min(limits, key=_left) if limits else None


def applies(limit: int | None, memory_total: int | None) -> TypeGuard[int]:
    """Return whether a limit can be reached: one above the host's memory (if known) cannot."""
    return limit is not None and (memory_total is None or limit <= memory_total)
