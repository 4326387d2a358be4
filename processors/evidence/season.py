"""Memory at the same time a day and a week before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Floats, Floats32, Rows

SLOT = 3 * 3600.0  # seconds: coarse enough for a week in 56 numbers, fine enough for the edge of a day
DAY_SLOTS = 8
SLOTS = 7 * DAY_SLOTS
WRAP = 2**15
PERIODS = ((DAY_SLOTS, 86400.0), (SLOTS - 1, 3 * 86400.0))  # slots back; longest rise that they explain
_BACK = np.array([0, *(back for back, _ in PERIODS)])


class Season(Columns):
    """The lowest value in each three hours of the last week, per instance.

    The rising half of a day can be as straight and as large as a leak. But it was there yesterday, too.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.low: Floats32 = self.column("low", (SLOTS,), np.float32, 0.0)
        # Slot numbers wrap after eleven years.
        self.number: NDArray[np.int16] = self.column("number", (SLOTS,), np.int16, -1)

    def add(self, rows: Rows, time: Floats, value: Floats) -> Floats:
        """Take one sample per row; return the lowest bytes before, shape `(B, 2)`; -inf where unknown.

        The first are those of the same time a day before, the second those of (nearly) a week before.
        """
        lows, numbers = self.low.reshape(-1), self.number.reshape(-1)
        number = np.floor_divide(time, SLOT).astype(np.int64)[:, None] - _BACK
        slot, wrapped = rows[:, None] * SLOTS + number % SLOTS, number % WRAP
        low, there = lows.take(slot), numbers.take(slot) == wrapped
        lows[slot[:, 0]] = np.where(there[:, 0], np.minimum(low[:, 0], value), value)
        numbers[slot[:, 0]] = wrapped[:, 0]
        before: Floats = np.where(there[:, 1:], low[:, 1:], -np.inf).astype(np.float64)
        return before


def above(level: Floats, rise: Floats, window: Floats, before: Floats) -> Floats:
    """Return the share of each rise above the same time a day or a week before; 1 where none is known.

    Parameters
    ----------
    level, rise, window
        Level, rise and length of the fits, all of one shape `(...)`.
    before
        Shape `(..., 2)`, from `Season.before`.
    """
    share = np.ones(np.shape(level))
    for column, (_, longest) in enumerate(PERIODS):
        new = (level - before[..., column]) / np.maximum(rise, 1e-9)
        share = np.where(window <= longest, np.minimum(share, new), share)
    return share
