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
SLACK = 1.02  # gaps a little shorter than a width still get that width
SETTLED = 8  # samples after which the first estimate of the sampling gap is corrected
REVIEW = 16  # samples between later corrections
MOST_CHANGE = 2.0  # of the gap by one sample
LONG_REVIEW = 256  # samples over which missing samples are averaged
MOST_MISSING = 64.0  # missing samples counted per gap, so that one long outage does not dominate
_UNEVEN_COSTS = 0.1
_RING = np.dtype((np.void, 4 * LENGTH))  # as one item, because `put` is fast with few items
_HALVINGS = 2 * np.arange(LEVELS)  # of the index of the finest bucket


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

    def add(self, rows: Rows, time: Floats, value: Floats, load: Floats) -> tuple[Rows, Rows]:
        """Take one sample per row. No row may repeat, and each sample must be newer than the one before.

        Parameters
        ----------
        rows, time, value
            Shape `(B,)`.
        load
            Load of the instance, in any unit, 0 where unknown; buckets keep its mean.

        Returns
        -------
        Where a bucket closed: indices of the samples, and levels.
        """
        self._learn_gap(rows, time)
        finest = np.floor_divide(time, WIDTHS.take(self.scale.take(rows)))
        index = finest.astype(np.int64)[:, None] >> _HALVINGS
        was = self.open_index.take(rows, axis=0)
        fresh = index != was
        closed = fresh & (was >= 0)
        closed[:, 0] = fresh[:, 0]
        which, level = np.nonzero(closed)
        self._push(rows.take(which), level, time.take(which), value.take(which), load.take(which))
        self._lower_newest(rows, ~fresh[:, 0], value)
        low = self.open_low.take(rows, axis=0)
        lower = fresh | (value[:, None] < low)
        self.open_low[rows] = np.where(lower, value[:, None], low)
        self.open_at[rows] = np.where(lower, time[:, None], self.open_at.take(rows, axis=0))
        self.open_load[rows] = np.where(fresh, 0.0, self.open_load.take(rows, axis=0)) + load[:, None]
        self.open_count[rows] = np.where(fresh, 0, self.open_count.take(rows, axis=0)) + 1
        self.open_index[rows] = index
        return which, level

    def clear(self, rows: Rows, time: Floats) -> None:
        """Forget the buckets of these rows, but not their sampling gap. Times now count from `time`."""
        self.size[rows] = 0
        self.open_index[rows] = -1
        self.anchor[rows] = time

    def _push(self, rows: Rows, level: Rows, time: Floats, value: Floats, load: Floats) -> None:
        """Push the new sample at the finest level, and the bucket that was open elsewhere."""
        ring, finest = rows * LEVELS + level, level == 0
        low = np.where(finest, value, self.open_low.reshape(-1).take(ring))
        at = np.where(finest, time, self.open_at.reshape(-1).take(ring)) - self.anchor.take(rows)
        count = np.maximum(self.open_count.reshape(-1).take(ring), 1)
        busy = np.where(finest, load, self.open_load.reshape(-1).take(ring) / count)
        for column, newest in ((self.low, low), (self.at, at), (self.busy, busy)):
            pushed = np.empty((len(ring), LENGTH), np.float32)
            pushed[:, 1:] = each_ring(column).take(ring, axis=0)[:, :-1]
            pushed[:, 0] = newest
            column.view(_RING).put(ring, pushed.view(_RING))
        size = self.size.reshape(-1)
        size[ring] = np.minimum(size.take(ring) + 1, LENGTH)

    def _lower_newest(self, rows: Rows, open_still: Flags, value: Floats) -> None:
        """Lower the newest bucket of the finest level, which is in its ring while it is open."""
        lower = np.flatnonzero(open_still & (value < self.low[rows, 0, 0]))
        if len(lower):
            self.low[rows.take(lower), 0, 0] = value.take(lower)

    def _learn_gap(self, rows: Rows, time: Floats) -> None:
        seen, last = self.seen.take(rows), self.last.take(rows)
        first = seen == 0
        if first.any():
            self.anchor[rows[first]] = time[first]
        since = np.where(first, 1.0, time - last)
        known = np.where(seen < 2, since, self.gap.take(rows))
        times = since / known
        # `float_power` is the pow of the C library on every processor; numpy's log2 and exp2 are not.
        share = 1.0 / np.minimum(np.maximum(seen, 1), REVIEW)
        gap = known * np.float_power(np.minimum(np.maximum(times, 1.0 / MOST_CHANGE), MOST_CHANGE), share)
        uneven, missing = self.uneven.take(rows), self.missing.take(rows)
        self.uneven[rows] = uneven + (np.minimum(np.abs(times - 1.0), 1.0) - uneven) / REVIEW
        more = np.minimum(np.maximum(np.rint(times) - 1.0, 0.0), MOST_MISSING)
        self.missing[rows] = missing + (more - missing) / LONG_REVIEW
        self.gap[rows], self.last[rows], self.seen[rows] = gap, time, seen + 1
        due = np.flatnonzero((seen == 1) | (seen == SETTLED) | (seen > SETTLED) & (seen % REVIEW == 0))
        if len(due):
            self._fit_scale(rows.take(due), gap.take(due), seen.take(due))

    def _fit_scale(self, rows: Rows, gap: Floats, seen: NDArray[np.int64]) -> None:
        finest = gap * SLACK / FINEST
        now = self.scale.take(rows)
        wanted = np.searchsorted(_COARSER, finest, side="right")
        # Half a scale away from where the widths change, so that a gap near there does not move to and fro.
        clear = (finest > 8 * _FOURS[now]) | (2 * finest < _FOURS[now])
        for position in np.flatnonzero(((seen <= SETTLED) | clear) & (wanted != now)):
            self._rescale(int(rows[position]), int(wanted[position]))

    def _rescale(self, row: int, scale: int) -> None:
        source = np.clip(np.arange(LEVELS) + scale - int(self.scale[row]), 0, LEVELS - 1)
        for store in (self.low, self.at, self.busy, self.size, self.open_low, self.open_at):
            store[row] = store[row][source]
        self.open_index[row] = -1
        self.scale[row] = scale


def each_ring(column: Floats32) -> Floats32:
    """Return a view with one ring per line; that of a level of a row is line `row * LEVELS + level`."""
    return column.reshape(-1, LENGTH)


def quality(uneven: Floats) -> Floats:
    """Return the data quality, from .9 to 1: lost or uneven samples reduce it by up to a tenth.

    A lost sample is an uneven gap, too, so `uneven` covers both; `lost` is for people. The effect is
    small, because criteria already look at points and history.
    """
    return 1.0 - _UNEVEN_COSTS * uneven


def lost(missing: Floats) -> Floats:
    """Return the share of the expected samples that did not come."""
    return missing / (missing + 1.0)
