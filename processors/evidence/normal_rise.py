"""What an instance gains and gives back by itself, per time scale, and what its service is known to."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Floats32, Rows
from processors.evidence.envelope import FINEST, LEVELS, SCALES

MEMORY = 512.0  # a learned rise counts half after this many buckets of its scale (eight envelope lengths)
_FADE = 2.0 ** (-1.0 / MEMORY)
_TURN = 0.5  # an excursion is over when half of its fall is regained


class Excursions(Columns):
    """The excursion each level's envelope is in: trough, peak after it, lowest since the peak.

    Its height is the smaller of rise and fall: what was gained and then given back. Learning it at once
    (not when the excursion is over) makes the dips of a noisy climb count as noise too.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.trough: Floats32 = self.column("trough", (LEVELS,), np.float32, np.inf)
        self.peak: Floats32 = self.column("peak", (LEVELS,), np.float32, -np.inf)
        self.low: Floats32 = self.column("low", (LEVELS,), np.float32, np.inf)
        self.usual: Floats32 = self.column("usual", (LEVELS,), np.float32, 0.0)

    def add(self, rows: Rows, level: Rows, value: Floats32) -> Floats:
        """Take one closed bucket per (row, level); give the height of the excursion it is in."""
        trough, peak, low = self.trough[rows, level], self.peak[rows, level], self.low[rows, level]
        top = value > peak
        peak = np.where(top, value, peak)
        low = np.where(top, value, np.minimum(low, value))
        trough = np.minimum(trough, value)
        fall, rise = peak - low, peak - trough
        over = (value - low >= _TURN * fall) & (fall >= _TURN * rise) & (fall > 0)
        self.trough[rows, level] = np.where(over, low, trough)
        self.peak[rows, level] = np.where(over, value, peak)
        self.low[rows, level] = np.where(over, value, low)
        height: Floats = np.minimum(rise, fall).astype(np.float64)
        self.usual[rows, level] = np.maximum(height, self.usual[rows, level] * _FADE)
        return height

    def clear(self, rows: Rows) -> None:
        """Begin a new run: what rose before it is over, and no excursion; what is usual stays."""
        self.trough[rows] = np.inf
        self.peak[rows] = -np.inf
        self.low[rows] = np.inf


class NormalRise(Columns):
    """Per service and absolute scale, the largest excursion, halving every `MEMORY` buckets.

    A decaying maximum is kept as `log2(height) + time / half-life`, so that it needs no update as time
    passes and the order of its inputs does not matter.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.key: Floats = self.column("key", (SCALES,), np.float64, -np.inf)
        self.first: Floats = self.column("first", (), np.float64, np.nan)

    def learn(self, services: Rows, time: Floats, scale: Rows, height: Floats, taken: Flags) -> Floats:
        """Learn a batch and give what was known at each of its positions, own contribution included.

        Parameters
        ----------
        services, time, scale
            Shape `(B,)`; `scale` is the absolute scale of the row's finest level.
        height
            Shape `(B, LEVELS)`: excursions at this sample, 0 where no bucket closed.
        taken
            Shape `(B,)`: false for samples that were refused.

        Returns
        -------
        Shape `(B, LEVELS)`.
        """
        self._meet(services, time, taken)
        keys = np.full((len(services), SCALES), -np.inf)
        columns = scale[:, None] + np.arange(LEVELS)
        life = MEMORY * FINEST * np.exp2(2.0 * columns)
        clock = time[:, None] / life
        with np.errstate(divide="ignore"):
            np.put_along_axis(keys, columns, np.log2(height) + clock, 1)
        known = _running_max(services, keys, self.key)
        normal: Floats = np.exp2(np.take_along_axis(known, columns, 1) - clock)
        return normal

    def known_for(self, services: Rows, time: Floats) -> Floats:
        """Return for how long each service has been known at `time`, seconds, shape `(B,)`."""
        known: Floats = time - self.first[services]
        return known

    def _meet(self, services: Rows, time: Floats, taken: Flags) -> None:
        new = np.flatnonzero(taken & np.isnan(self.first[services]))
        names, position = np.unique(services[new], return_index=True)
        self.first[names] = time[new[position]]


def without_age(state: bytes) -> bytes:
    """Return a dumped row as that of a service which has not been met.

    Raises
    ------
    ValueError
        If the bytes are not a whole state.
    """
    normal = NormalRise(1)
    normal.load(0, state)
    normal.first[0] = np.nan
    return normal.dump(0)


def _running_max(services: Rows, keys: Floats, table: Floats) -> Floats:
    """Give the largest key of each service up to each position, and leave the last in `table`."""
    order = np.argsort(services, kind="stable")
    ranked, best = services[order], np.maximum(keys, table[services])[order]
    rank = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
    step = 1
    while step <= (rank.max() if len(rank) else 0):
        deep = np.flatnonzero(rank >= step)
        best[deep] = np.maximum(best[deep], best[deep - step])
        step *= 2
    table[ranked] = best  # of equal indices numpy keeps the last: the newest of each service
    known = np.empty_like(best)
    known[order] = best
    return known
