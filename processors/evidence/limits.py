"""The limit of an instance, and the one before it was raised."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from processors.columns import Columns, Floats, Rows

_MEMORY_SECONDS = 30 * 86400.0  # a raise longer ago says nothing of a growth that stands now


class Held(NamedTuple):
    """The limit before it was raised, bytes, and when it was, unix seconds (-inf where it never was)."""

    before: Floats
    raised: Floats


class Limits(Columns):
    """What a growth is measured by: the limit it began under.

    Raising a limit buys time. It says nothing of whether the growth is a leak, so a stretch that began before
    the raise is held to the limit before it. A lowered limit counts at once.
    Several raises in a row count as one, from the first on: some limits follow the usage.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.limit: Floats = self.column("limit", (), np.float64, np.nan)
        self.before: Floats = self.column("before", (), np.float64, np.nan)
        self.raised: Floats = self.column("raised", (), np.float64, -np.inf)

    def add(self, rows: Rows, time: Floats, limit: Floats) -> Held:
        """Take the limit of one sample per row."""
        last, before, raised = self.limit[rows], self.before[rows], self.raised[rows]
        over = (limit <= before) | (time - raised > _MEMORY_SECONDS)
        raised = np.where(over, -np.inf, raised)
        first = (limit > last) & np.isinf(raised)
        before, raised = np.where(first, last, before), np.where(first, time, raised)
        self.limit[rows], self.before[rows], self.raised[rows] = limit, before, raised
        return Held(before, raised)
