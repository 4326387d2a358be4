"""What an instance is known to gain and give back, per time scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

LEVELS = 6
MEMORY = 512.0  # buckets after which a learned rise counts half


class NormalRise:
    def __init__(self, capacity: int) -> None:
        s = (capacity, LEVELS)
        self.trough = np.full(s, np.inf)
        self.peak = np.full(s, -np.inf)
        self.low = np.full(s, np.inf)
        self.since = np.zeros(s)
        self.quick = np.zeros(s)
        self.key = np.full(s, -np.inf)
        self.pending = np.full(s, -np.inf)

    def add(self, r: Rows, l: Rows, y: Floats, t: Floats, width: Floats) -> None:
        L, P, W, n, q = (a[r, l] for a in (self.trough, self.peak, self.low, self.since, self.quick))
        top = y > P
        P = np.where(top, y, P)
        W = np.where(top, y, np.minimum(W, y))
        L = np.minimum(L, np.where(np.isinf(L), y, L))
        n = np.where(top, 0, n + 1)
        q = np.where(top, 0.0, np.where(n <= 2, np.maximum(q, P - y), q))
        fall = P - W
        h = np.minimum(P - L, fall)
        sudden = q >= 0.7 * h
        clock = t / (width * MEMORY)
        with np.errstate(divide="ignore"):
            key = np.log2(h) + clock
        key = np.where(h > 0, key, -np.inf)
        gradual = (n > 2) & ~sudden
        learned = np.where(gradual, np.maximum(self.key[r, l], key), self.key[r, l])
        turn = (y - W >= 0.5 * fall) & (fall >= 0.5 * (P - L)) & (fall > 0)
        pend = self.pending[r, l]
        twice = turn & sudden
        learned = np.where(twice, np.maximum(learned, np.minimum(pend, key)), learned)
        self.pending[r, l] = np.where(twice, np.maximum(pend, key), pend)
        self.key[r, l] = learned
        self.trough[r, l] = np.where(turn, W, L)
        self.peak[r, l] = np.where(turn, y, P)
        self.low[r, l] = np.where(turn, y, W)
        self.since[r, l] = np.where(turn, 0, n)
        self.quick[r, l] = np.where(turn, 0.0, q)

    def clear(self, r: Rows) -> None:
        self.trough[r] = np.inf
        self.peak[r] = -np.inf
        self.low[r] = np.inf
        self.since[r] = 0
        self.quick[r] = 0

    def at(self, r: Rows, l: Rows, t: Floats, width: Floats) -> tuple[Floats, Floats]:
        c = t / (width * MEMORY)
        return np.exp2(self.key[r, l] - c), np.exp2(self.pending[r, l] - c)
