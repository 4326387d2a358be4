"""What an instance gains and gives back, per time scale, and what is normal for its service."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Floats32, Rows
from processors.evidence.envelope import LEVELS, SCALES, WIDTHS

MEMORY = 512.0  # buckets of its scale after which a learned rise counts half (eight envelope lengths)
_FADE = 2.0 ** (-1.0 / MEMORY)
_TURN = 0.5  # an excursion is over when half of its fall is regained


class Excursions(Columns):
    """The current excursion of the envelope at each level: trough, peak after it, lowest since the peak.

    The height of an excursion is the smaller of its rise and its fall: what was gained and given back. It is
    learned at once, not when the excursion is over, so the dips of a noisy climb count as noise, too.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.trough: Floats32 = self.column("trough", (LEVELS,), np.float32, np.inf)
        self.peak: Floats32 = self.column("peak", (LEVELS,), np.float32, -np.inf)
        self.low: Floats32 = self.column("low", (LEVELS,), np.float32, np.inf)
        self.usual: Floats32 = self.column("usual", (LEVELS,), np.float32, 0.0)

    def add(self, rows: Rows, level: Rows, value: Floats32) -> Floats:
        """Take one closed bucket per (row, level); return the height of its excursion, in bytes."""
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
        """Begin a new run. The rise before it is not an excursion; what is usual stays."""
        self.trough[rows] = np.inf
        self.peak[rows] = -np.inf
        self.low[rows] = np.inf


class NormalRise(Columns):
    """Per service and absolute scale, the largest excursion; it halves every `MEMORY` buckets.

    The decaying maximum is kept as `log2(height) + time / half-life`. So it needs no update as time passes,
    and the order of its inputs does not matter.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.key: Floats = self.column("key", (SCALES,), np.float64, -np.inf)
        self.first: Floats = self.column("first", (), np.float64, np.nan)

    def learn(self, services: Rows, time: Floats, scale: Rows, height: Floats, taken: Flags) -> Floats:
        """Learn a batch; return what is normal at each position in bytes, with its own contribution.

        Parameters
        ----------
        services, time, scale
            Shape `(B,)`; `scale` is the absolute scale of the finest level of the instance.
        height
            Height of the excursions at this sample, shape `(B, LEVELS)`; 0 where no bucket closed.
        taken
            Shape `(B,)`; false for samples that were refused.

        Returns
        -------
        Shape `(B, LEVELS)`.
        """
        self._meet(services, time, taken)
        keys = np.full((len(services), SCALES), -np.inf)
        columns = scale[:, None] + np.arange(LEVELS)
        life = MEMORY * WIDTHS[columns]
        clock = time[:, None] / life
        with np.errstate(divide="ignore"):
            np.put_along_axis(keys, columns, np.log2(height) + clock, 1)
        known = _running_max(services, keys, self.key)
        normal: Floats = np.exp2(np.take_along_axis(known, columns, 1) - clock)
        return normal

    def known_for(self, services: Rows, time: Floats) -> Floats:
        """Return how long each service has been known at `time`, in seconds, shape `(B,)`."""
        known: Floats = time - self.first[services]
        return known

    def _meet(self, services: Rows, time: Floats, taken: Flags) -> None:
        new = np.flatnonzero(taken & np.isnan(self.first[services]))
        names, position = np.unique(services[new], return_index=True)
        self.first[names] = time[new[position]]


def without_age(state: bytes) -> bytes:
    """Return a dumped row without the time since which its service has been known.

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
    """Return the largest key of each service up to each position; put the last one into `table`."""
    order = np.argsort(services, kind="stable")
    ranked, best = services[order], np.maximum(keys, table[services])[order]
    rank = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
    step = 1
    while step <= (rank.max() if len(rank) else 0):
        deep = np.flatnonzero(rank >= step)
        best[deep] = np.maximum(best[deep], best[deep - step])
        step *= 2
    table[ranked] = best  # numpy keeps the last of equal indices, which is the newest of each service
    known = np.empty_like(best)
    known[order] = best
    return known
