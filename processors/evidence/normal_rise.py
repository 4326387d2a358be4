"""What an instance gains and gives back, per time scale, and what is normal for its service."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Floats32, Rows
from processors.evidence.envelope import LEVELS, SCALES, WIDTHS
from processors.order import Order, order

MEMORY = 512.0  # buckets of its scale after which a learned rise counts half (eight envelope lengths)
FADE = 2.0 ** (-1.0 / MEMORY)
_LIVES: Floats = MEMORY * WIDTHS
TURN = 0.5  # an excursion is over when half of its fall is regained


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

    def add(self, at: Rows, value: Floats32) -> Floats:
        """Take one closed bucket of each of these levels; return the height of its excursion, in bytes.

        Parameters
        ----------
        at
            Level `level` of a row is `row * LEVELS + level`; none may repeat.
        """
        troughs, peaks, lows, usual = (
            column.reshape(-1) for column in (self.trough, self.peak, self.low, self.usual)
        )
        trough, peak, low = troughs.take(at), peaks.take(at), lows.take(at)
        top = value > peak
        peak = np.where(top, value, peak)
        low = np.where(top, value, np.minimum(low, value))
        trough = np.minimum(trough, value)
        fall, rise = peak - low, peak - trough
        over = (value - low >= TURN * fall) & (fall >= TURN * rise) & (fall > 0)
        troughs[at] = np.where(over, low, trough)
        peaks[at] = np.where(over, value, peak)
        lows[at] = np.where(over, value, low)
        height: Floats = np.minimum(rise, fall).astype(np.float64)
        usual[at] = np.maximum(height, usual.take(at) * FADE)
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

    def meet(self, services: Rows, time: Floats, taken: Flags) -> Floats:
        """Return for how long the service of each sample has been known, in seconds; NaN where it is not yet.

        Parameters
        ----------
        services, time
            Shape `(B,)`.
        taken
            Shape `(B,)`; false for samples that were refused: no service becomes known by these.
        """
        first = self.first.take(services)
        new = np.flatnonzero(taken & np.isnan(first))
        if len(new):
            names, position = np.unique(services.take(new), return_index=True)
            begin = new.take(position)
            self.first[names] = time.take(begin)
            name = np.minimum(np.searchsorted(names, services), len(names) - 1)
            met = (names.take(name) == services) & (begin.take(name) <= np.arange(len(services)))
            first = np.where(met, time.take(begin.take(name)), first)
        known: Floats = time - first
        return known

    def learn(self, services: Rows, time: Floats, scale: Rows, height: Floats) -> Floats:
        """Learn a batch; return what is normal at each position in bytes, with its own contribution.

        Parameters
        ----------
        services, time, scale
            Shape `(B,)`; `scale` is the absolute scale of the finest level of the instance.
        height
            Height of the excursions at this sample, shape `(B, LEVELS)`; 0 where no bucket closed.

        Returns
        -------
        Shape `(B, LEVELS)`.
        """
        columns = scale[:, None] + np.arange(LEVELS)
        clock = time[:, None] / _LIVES.take(columns)
        places = services[:, None] * SCALES + columns
        known = self.key.reshape(-1).take(places)
        closed = height > 0
        if closed.any():
            known[closed] = np.maximum(known[closed], np.log2(height[closed]) + clock[closed])
            by_service = order(services)
            if by_service.repeats:
                known = self._learn_in_order(by_service, services, columns, known)
            else:
                self.key.put(places, known)
        normal: Floats = np.exp2(known - clock)
        return normal

    def _learn_in_order(self, order: Order, services: Rows, columns: Rows, keys: Floats) -> Floats:
        """Learn keys of services that repeat; return the largest of each service up to each."""
        services, columns = services.take(order.places), columns.take(order.places, axis=0)
        # One line per scale, because operations on lines are faster.
        scales = slice(int(columns.min()), int(columns.max()) + 1)
        best = np.ascontiguousarray(self.key.take(services, axis=0).T[scales])
        at = (columns - scales.start) * len(services) + np.arange(len(services))[:, None]
        best.put(at, keys.take(order.places, axis=0))
        _running_max(best, order)
        self.key[services[order.ends], scales] = best[:, order.ends].T
        known = np.empty_like(keys)
        known[order.places] = best.take(at)
        return known


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


def _running_max(best: Floats, order: Order) -> None:
    """Replace each number of a line by the largest of its service up to there; lines are in that order."""
    rank = np.arange(len(order.places)) - order.latest(order.starts)
    step, deepest = 1, rank.max()
    while step <= deepest:
        earlier = np.where(rank[step:] >= step, best[:, :-step], -np.inf)
        np.maximum(best[:, step:], earlier, out=best[:, step:])
        step *= 2
