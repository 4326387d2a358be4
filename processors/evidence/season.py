"""Memory at the same time a day and a week before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Floats, Floats32, Rows

_SLOT = 3 * 3600.0  # seconds: coarse enough for a week in 56 numbers, fine enough for the edge of a day
_DAY_SLOTS = 8
_SLOTS = 7 * _DAY_SLOTS
_WRAP = 2**15
_PERIODS = ((_DAY_SLOTS, 86400.0), (_SLOTS - 1, 3 * 86400.0))  # slots back; longest rise that they explain


class Season(Columns):
    """The lowest value in each three hours of the last week, per instance.

    The rising half of a day can be as straight and as large as a leak. But it was there yesterday, too.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.low: Floats32 = self.column("low", (_SLOTS,), np.float32, 0.0)
        # Slot numbers wrap after eleven years.
        self.number: NDArray[np.int16] = self.column("number", (_SLOTS,), np.int16, -1)

    def add(self, rows: Rows, time: Floats, value: Floats) -> None:
        """Take one sample per row."""
        number = np.floor_divide(time, _SLOT).astype(np.int32)
        slot = number % _SLOTS
        same = self.number[rows, slot] == number % _WRAP
        self.low[rows, slot] = np.where(same, np.minimum(self.low[rows, slot], value), value)
        self.number[rows, slot] = number % _WRAP

    def before(self, rows: Rows, time: Floats) -> Floats:
        """Return the lowest bytes a day and (nearly) a week before, shape `(B, 2)`; -inf where unknown."""
        number = np.floor_divide(time, _SLOT).astype(np.int32)
        known = np.full((len(rows), len(_PERIODS)), -np.inf)
        for column, (back, _) in enumerate(_PERIODS):
            slot = (number - back) % _SLOTS
            there = self.number[rows, slot] == (number - back) % _WRAP
            known[:, column] = np.where(there, self.low[rows, slot], -np.inf)
        return known


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
    for column, (_, longest) in enumerate(_PERIODS):
        new = (level - before[..., column]) / np.maximum(rise, 1e-9)
        share = np.where(window <= longest, np.minimum(share, new), share)
    return share
