"""The limit of an instance, and the limit from before it was raised."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from processors.columns import Columns, Floats, Rows

MEMORY_SECONDS = 30 * 86400.0  # an older raise does not concern a growth of now


class Held(NamedTuple):
    """The limit before a raise, in bytes, and when it was raised, unix seconds; -inf if it never was."""

    before: Floats
    raised: Floats


class Limits(Columns):
    """Keeps the limit that a growth began under, because the growth is judged by that limit.

    A raised limit buys time, but does not show whether the growth is a leak. So a stretch that began before
    the raise is judged by the limit before it. A lowered limit counts at once. Several raises in a row count
    as one, from the first one on, because some limits follow the usage.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.limit: Floats = self.column("limit", (), np.float64, np.nan)
        self.before: Floats = self.column("before", (), np.float64, np.nan)
        self.raised: Floats = self.column("raised", (), np.float64, -np.inf)

    def add(self, rows: Rows, time: Floats, limit: Floats) -> Held:
        """Take the limit of one sample per row."""
        last, before, raised = self.limit.take(rows), self.before.take(rows), self.raised.take(rows)
        over = (limit <= before) | (time - raised > MEMORY_SECONDS)
        raised = np.where(over, -np.inf, raised)
        first = (limit > last) & np.isinf(raised)
        before, raised = np.where(first, last, before), np.where(first, time, raised)
        self.limit[rows], self.before[rows], self.raised[rows] = limit, before, raised
        return Held(before, raised)
