"""Lower envelope: what an instance never gave back, at six time scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 6
LENGTH = 64
RATIO = 4
FINEST = 15.0  # seconds; every width is 15 s times a power of four, so that siblings share their scales
SCALES = 14  # absolute scales: 15 s times 4^0 to 4^13
_GAPS_BEFORE_TRUST = 16.0

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


class Envelope:
    """A pyramid of bucket minima per instance.

    A bucket is one stretch of event time at one level; it keeps its smallest value and when that was.
    Empty buckets are not stored, so gaps and sparse series cost nothing and bend no fit. The finest
    width is the largest of the fixed scales that is not wider than the typical sampling gap.

    Parameters
    ----------
    capacity
        Rows to hold at first.
    """

    def __init__(self, capacity: int) -> None:
        self.low = np.zeros((capacity, LEVELS, LENGTH), np.float32)
        self.at = np.zeros((capacity, LEVELS, LENGTH), np.float32)
        self.size = np.zeros((capacity, LEVELS), np.int16)
        self.open_low = np.zeros((capacity, LEVELS))
        self.open_at = np.zeros((capacity, LEVELS))
        self.open_index = np.full((capacity, LEVELS), -1, np.int64)
        self.scale = np.zeros(capacity, np.int8)
        self.gap = np.zeros(capacity)
        self.last = np.full(capacity, np.nan)
        self.seen = np.zeros(capacity)
        self.anchor = np.zeros(capacity)

    def widths(self, rows: Rows) -> Floats:
        """Bucket widths in seconds, shape `(B, LEVELS)`."""
        return FINEST * np.exp2(2.0 * (self.scale[rows][:, None] + np.arange(LEVELS)))

    def add(self, rows: Rows, time: Floats, value: Floats) -> NDArray[np.bool_]:
        """Take one sample per row (no row twice, times newer than before); tell which buckets closed.

        Returns
        -------
        Shape `(B, LEVELS)`: true where this sample closed a bucket of that level.
        """
        self._learn_gap(rows, time)
        index = np.floor_divide(time[:, None], self.widths(rows)).astype(np.int64)
        was = self.open_index[rows]
        fresh = index != was
        closed = fresh & (was >= 0)
        which, level = np.nonzero(closed[:, 1:])
        level += 1
        self._push(rows[which], level, self.open_low[rows[which], level], self.open_at[rows[which], level])
        self._finest(rows, fresh[:, 0], time, value)
        low, at = self.open_low[rows], self.open_at[rows]
        take = fresh | (value[:, None] < low)
        self.open_low[rows] = np.where(take, value[:, None], low)
        self.open_at[rows] = np.where(take, time[:, None], at)
        self.open_index[rows] = index
        closed[:, 0] = fresh[:, 0]
        return closed

    def _finest(self, rows: Rows, fresh: NDArray[np.bool_], time: Floats, value: Floats) -> None:
        new = rows[fresh]
        self._push(new, np.zeros(len(new), np.intp), value[fresh], time[fresh])
        lower = ~fresh & (value < self.low[rows, 0, 0])
        self.low[rows[lower], 0, 0] = value[lower]

    def clear(self, rows: Rows) -> None:
        """Forget the buckets of these rows, not their sampling gap."""
        self.size[rows] = 0
        self.open_index[rows] = -1

    def _push(self, rows: Rows, level: Rows, low: Floats, time: Floats) -> None:
        for store, value in ((self.low, low), (self.at, time - self.anchor[rows])):
            ring = store[rows, level]
            ring[:, 1:] = ring[:, :-1].copy()
            ring[:, 0] = value
            store[rows, level] = ring
        self.size[rows, level] = np.minimum(self.size[rows, level] + 1, LENGTH)

    def _learn_gap(self, rows: Rows, time: Floats) -> None:
        gap, seen, last = self.gap[rows], self.seen[rows], self.last[rows]
        new = np.isnan(last)
        self.anchor[rows] = np.where(new, time, self.anchor[rows])
        dt = np.where(new, 0.0, time - last)
        first = seen == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.clip(np.log2(dt / gap), -1.0, 1.0) / np.minimum(seen, _GAPS_BEFORE_TRUST)
        gap = np.where(new, 0.0, np.where(first, dt, gap * np.exp2(np.where(seen > 1, step, 0.0))))
        self.gap[rows], self.last[rows], self.seen[rows] = gap, time, seen + 1
        self._fit_scale(rows, gap, seen)

    def _fit_scale(self, rows: Rows, gap: Floats, seen: Floats) -> None:
        with np.errstate(divide="ignore"):
            exact = np.log2(gap * 1.02 / FINEST) / 2.0
        wanted = np.clip(np.floor(exact), 0, SCALES - LEVELS).astype(np.int8)
        now = self.scale[rows]
        settle = (seen == 1) | (seen == 8)
        drift = (seen > 8) & (seen % 16 == 0) & ((exact > now + 1.5) | (exact < now - 0.5))
        move = (settle | drift) & (wanted != now)
        for position in np.flatnonzero(move):
            self._rescale(int(rows[position]), int(wanted[position]))

    def _rescale(self, row: int, scale: int) -> None:
        shift = scale - int(self.scale[row])
        source = np.clip(np.arange(LEVELS) + shift, 0, LEVELS - 1)
        for store in (self.low, self.at, self.size, self.open_low, self.open_at):
            store[row] = store[row][source]
        self.open_index[row] = -1
        self.scale[row] = scale
