"""Lower envelope: the memory that an instance never gave back, at six time scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Flags, Floats, Floats32, Rows

LEVELS = 6
LENGTH = 64
FINEST = 15.0 / 16.0  # seconds; widths are this times powers of four, so siblings share their scales
SCALES = 16  # to 15 s * 4^13 (32 years): enough for series sampled once a week
_FOURS = 1 << 2 * np.arange(SCALES)
WIDTHS: Floats = FINEST * _FOURS.astype(np.float64)
"""The width of the buckets at each absolute scale, in seconds."""
_COARSER: Floats = _FOURS[1 : SCALES - LEVELS + 1].astype(np.float64)
_SLACK = 1.02  # gaps a little shorter than a width still get that width
_SETTLED = 8  # samples after which the first estimate of the sampling gap is corrected
_REVIEW = 16  # samples between later corrections
_LONG_REVIEW = 256  # samples over which missing samples are averaged
_MOST_MISSING = 64.0  # missing samples counted per gap, so that one long outage does not dominate
_UNEVEN_COSTS = 0.1


class Envelope(Columns):
    """A pyramid of bucket minima per instance.

    A bucket is one stretch of event time at one level. Each level has buckets four times as wide as the level
    below. A bucket keeps its smallest value and the time of it. Empty buckets are not stored, so gaps and
    sparse series neither take space nor bend a fit. The finest width is the largest fixed scale that is not
    wider than the typical gap between samples. At the finest level, the newest bucket counts as closed at
    once.

    Parameters
    ----------
    capacity
        Number of rows at first.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        column = self.column
        self.low: Floats32 = column("low", (LEVELS, LENGTH), np.float32, 0.0)
        self.at: Floats32 = column("at", (LEVELS, LENGTH), np.float32, 0.0)
        self.busy: Floats32 = column("busy", (LEVELS, LENGTH), np.float32, 0.0)
        self.size: NDArray[np.int16] = column("size", (LEVELS,), np.int16, 0)
        self.open_low: Floats = column("open_low", (LEVELS,), np.float64, 0.0)
        self.open_at: Floats = column("open_at", (LEVELS,), np.float64, 0.0)
        self.open_load: Floats32 = column("open_load", (LEVELS,), np.float32, 0.0)
        self.open_count: NDArray[np.int32] = column("open_count", (LEVELS,), np.int32, 0)
        self.open_index: NDArray[np.int64] = column("open_index", (LEVELS,), np.int64, -1)
        self.scale: NDArray[np.int8] = column("scale", (), np.int8, 0)
        self.gap: Floats = column("gap", (), np.float64, 0.0)
        self.uneven: Floats = column("uneven", (), np.float64, 0.0)
        self.missing: Floats = column("missing", (), np.float64, 0.0)
        self.last: Floats = column("last", (), np.float64, np.nan)
        self.seen: NDArray[np.int64] = column("seen", (), np.int64, 0)
        self.anchor: Floats = column("anchor", (), np.float64, 0.0)

    def quality(self, rows: Rows) -> Floats:
        """Return the data quality, from .9 to 1: lost or uneven samples reduce it by up to a tenth.

        A lost sample is an uneven gap, too, so `uneven` covers both; `lost` is for people. The effect is
        small, because criteria already look at points and history.
        """
        quality: Floats = 1.0 - _UNEVEN_COSTS * self.uneven[rows]
        return quality

    def lost(self, rows: Rows) -> Floats:
        """Return the share of the expected samples that did not come."""
        missing = self.missing[rows]
        lost: Floats = missing / (missing + 1.0)
        return lost

    def widths(self, rows: Rows) -> Floats:
        """Return the widths of the buckets, in seconds, shape `(B, LEVELS)`."""
        widths: Floats = WIDTHS[self.scale[rows][:, None] + np.arange(LEVELS)]
        return widths

    def add(self, rows: Rows, time: Floats, value: Floats, load: Floats) -> Flags:
        """Take one sample per row. No row may repeat, and each sample must be newer than the one before.

        Parameters
        ----------
        rows, time, value
            Shape `(B,)`.
        load
            Load of the instance, in any unit, 0 where unknown; buckets keep its mean.

        Returns
        -------
        Where the sample closed a bucket, shape `(B, LEVELS)`.
        """
        self._learn_gap(rows, time)
        index = np.floor_divide(time[:, None], self.widths(rows)).astype(np.int64)
        was = self.open_index[rows]
        fresh = index != was
        closed: Flags = fresh & (was >= 0)
        which, level = np.nonzero(closed[:, 1:])
        self._push_open(rows[which], level + 1)
        self._push_finest(rows, fresh[:, 0], time, value, load)
        low, at = self.open_low[rows], self.open_at[rows]
        take = fresh | (value[:, None] < low)
        self.open_low[rows] = np.where(take, value[:, None], low)
        self.open_at[rows] = np.where(take, time[:, None], at)
        self.open_load[rows] = np.where(fresh, 0.0, self.open_load[rows]) + load[:, None]
        self.open_count[rows] = np.where(fresh, 0, self.open_count[rows]) + 1
        self.open_index[rows] = index
        closed[:, 0] = fresh[:, 0]
        return closed

    def clear(self, rows: Rows, time: Floats) -> None:
        """Forget the buckets of these rows, but not their sampling gap. Times now count from `time`."""
        self.size[rows] = 0
        self.open_index[rows] = -1
        self.anchor[rows] = time

    def _push_open(self, rows: Rows, level: Rows) -> None:
        load = self.open_load[rows, level] / self.open_count[rows, level]
        self._push(rows, level, self.open_low[rows, level], self.open_at[rows, level], load)

    def _push_finest(self, rows: Rows, fresh: Flags, time: Floats, value: Floats, load: Floats) -> None:
        new = rows[fresh]
        self._push(new, np.zeros(len(new), np.intp), value[fresh], time[fresh], load[fresh])
        lower = ~fresh & (value < self.low[rows, 0, 0])
        self.low[rows[lower], 0, 0] = value[lower]

    def _push(self, rows: Rows, level: Rows, low: Floats, time: Floats, load: Floats) -> None:
        for store, value in ((self.low, low), (self.at, time - self.anchor[rows]), (self.busy, load)):
            ring = store[rows, level]
            ring[:, 1:] = ring[:, :-1].copy()
            ring[:, 0] = value
            store[rows, level] = ring
        self.size[rows, level] = np.minimum(self.size[rows, level] + 1, LENGTH)

    def _learn_gap(self, rows: Rows, time: Floats) -> None:
        gap, seen, last = self.gap[rows], self.seen[rows], self.last[rows]
        self.anchor[rows] = np.where(seen == 0, time, self.anchor[rows])
        since = np.where(seen == 0, 1.0, time - last)
        known = np.where(seen < 2, since, gap)
        # `float_power` is the pow of the C library on every processor; numpy's log2 and exp2 are not.
        share = 1.0 / np.minimum(np.maximum(seen, 1), _REVIEW)
        gap = known * np.float_power(np.clip(since / known, 0.5, 2.0), share)
        self.uneven[rows] += (np.minimum(np.abs(since / known - 1.0), 1.0) - self.uneven[rows]) / _REVIEW
        missing = np.clip(np.rint(since / known) - 1.0, 0.0, _MOST_MISSING)
        self.missing[rows] += (missing - self.missing[rows]) / _LONG_REVIEW
        self.gap[rows], self.last[rows], self.seen[rows] = gap, time, seen + 1
        self._fit_scale(rows, gap, seen)

    def _fit_scale(self, rows: Rows, gap: Floats, seen: NDArray[np.int64]) -> None:
        finest = gap * _SLACK / FINEST
        now = self.scale[rows]
        wanted = np.searchsorted(_COARSER, finest, side="right")
        # Half a scale away from where the widths change, so that a gap near there does not move to and fro.
        clear = (finest > 8 * _FOURS[now]) | (2 * finest < _FOURS[now])
        review = (seen > _SETTLED) & (seen % _REVIEW == 0) & clear
        move = ((seen == 1) | (seen == _SETTLED) | review) & (wanted != now)
        for position in np.flatnonzero(move):
            self._rescale(int(rows[position]), int(wanted[position]))

    def _rescale(self, row: int, scale: int) -> None:
        source = np.clip(np.arange(LEVELS) + scale - int(self.scale[row]), 0, LEVELS - 1)
        for store in (self.low, self.at, self.busy, self.size, self.open_low, self.open_at):
            store[row] = store[row][source]
        self.open_index[row] = -1
        self.scale[row] = scale
