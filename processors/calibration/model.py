"""Calibration: from a raw score on its own scale to a tail probability, per key and online."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from processors.columns import Floats
from processors.kernels.protocol import Arrays, Kernels
from processors.models.column_model import ColumnModel

# kernels/calibration.c has the same constants.
_PRIOR_SHAPE, _PRIOR_EXCESSES = 0.0, 20.0  # an exponential tail until the key has excesses of its own
_LARGEST_EXCESS = 10.0  # mean excesses that one score can teach at most
_LARGEST_DEVIATION = 5.0  # spreads that one score can teach at most
_RECENT = 0.3  # share of a young key's excesses that is remembered, because its first thresholds were wrong
_LARGEST_SHAPE = 0.9
_FLAT = 1e-6  # shapes nearer to 0 are set to this; there power and exponential agree to 1e-6


class Calibration(ColumnModel):
    """How unusual a raw score is for its key: the share of the key's records that score as high or higher.

    Each key has a running median and spread, and a threshold that `level` of its records exceed. The
    threshold moves in steps of limited size [2]_. Beyond it the tail is generalised Pareto [1]_, from the
    first two moments of the excesses. `x` has one column, the raw score; larger means more unusual. The
    result is the probability before the score is learned. It is NaN during `warm_up`, and never below `1 / (n
    + 1)` for `n` records remembered, because so few records cannot show less. One score never teaches more
    than ten mean excesses.

    Does not work when the raw score has an upper end (feed `-log(1 - s)` of a score that ends at 1), or when
    unusual scores come in long runs: after some hundred records a new level is normal. Probabilities of
    neighbouring records are not independent; do not multiply them.

    Parameters
    ----------
    capacity
        Number of rows.
    level
        Share of the records that exceed the threshold.
    warm_up
        Records before the first probability.
    memory
        Number of excesses remembered, exponentially weighted; `memory / level` records.
    resolution
        Raw scores that differ by less count as equal.

    References
    ----------
    .. [1] Pickands. Statistical inference using extreme order statistics. Annals of Statistics 3, 1975.
    .. [2] Angelopoulos, Candes and Tibshirani. Conformal PID control for time series prediction. 2023.

    Examples
    --------
    >>> raw = np.append(np.random.default_rng(1).exponential(size=2000), [0.7, 3.0, 50.0])
    >>> p = Calibration(1).score_learn(np.zeros(2003, dtype=np.intp), raw[:, None])
    >>> p[-3:].round(4)
    array([0.486 , 0.0429, 0.0005])
    """

    NAME: ClassVar[str] = "calibration"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (0.0, 1.0)
    COUNTS: ClassVar[tuple[int, ...]] = (0, 4)

    def __init__(
        self,
        capacity: int,
        *,
        level: float = 0.05,
        warm_up: int = 60,
        memory: int = 300,
        resolution: float = 1e-9,
    ) -> None:
        if not (0 < level < 0.5 and warm_up >= 1 and memory >= 1 and resolution > 0):
            raise ValueError("level lies in (0, 0.5); warm_up, memory and resolution are positive")
        self.level = level
        self.warm_up = warm_up
        self.memory = memory
        self.resolution = resolution
        super().__init__(capacity, 1, 7)

    def _parameters(self) -> str:
        return f"level={self.level} warm_up={self.warm_up} memory={self.memory} resolution={self.resolution}"

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        raw, n = x[0], state[0]
        excess = raw - state[3] - self.resolution
        tail = self._tail(state, np.maximum(excess, 0.0))
        p = np.where(excess > 0, tail, self._body(state, raw))
        p = np.maximum(p, 1.0 / (np.minimum(n, self.memory / self.level) + 1.0))
        new = np.concatenate([self._learn_body(state, raw), self._learn_tail(state, excess)])
        return np.where(n >= self.warm_up, p, np.nan), new

    def _compiled(self, kernels: Kernels, records: Arrays) -> bool:
        kernels.calibration(records, self.level, self.warm_up, self.memory, self.resolution)
        return True

    def _body(self, state: Floats, raw: Floats) -> Floats:
        """Return a probability of one half at the median, `level` at the threshold, geometric in between."""
        _, median, _, threshold = state[:4]
        distance = (raw - median) / np.maximum(threshold - median, self.resolution)
        half = 0.5 * np.float_power(2 * self.level, np.minimum(np.abs(distance), 1e3))
        p: Floats = np.where(distance > 0, np.maximum(half, self.level), 1 - half)
        return p

    def _tail(self, state: Floats, excess: Floats) -> Floats:
        n_excesses, mean, square = state[4:]
        variance = square - mean * mean
        known = variance > 0
        shape = np.where(known, 0.5 * (1 - mean * mean / np.where(known, variance, 1.0)), 0.0)
        shape = np.clip(shape, -_LARGEST_SHAPE, _LARGEST_SHAPE)
        weight = n_excesses + _PRIOR_EXCESSES
        shape = (n_excesses * shape + _PRIOR_EXCESSES * _PRIOR_SHAPE) / weight
        shape = np.where(np.abs(shape) < _FLAT, _FLAT, shape)
        scale = np.maximum(mean, self.resolution) * (1 - shape)
        inner = np.maximum(1 + shape * excess / scale, 1e-300)
        p: Floats = self.level * np.float_power(inner, -1 / shape)
        return p

    def _learn_body(self, state: Floats, raw: Floats) -> Floats:
        n, median, spread, threshold = state[:4]
        after = n + 1
        deviation = raw - median
        limit = np.where(n < 20, np.inf, _LARGEST_DEVIATION * spread + self.resolution)
        rate = np.maximum(1 / after, 1 / self.memory)
        wider = spread + rate * (np.minimum(np.abs(deviation), limit) - spread)
        moved = median + np.maximum(1.5 / after, 2 / self.memory) * wider * np.sign(deviation)
        step = np.maximum(1 / np.sqrt(after), 5 / self.memory) * np.maximum(state[5], 0.2 * wider)
        risen = threshold + step * np.where(raw > threshold, 1 - self.level, -self.level)
        new = n == 0
        spread = np.where(new, 0.0, wider)
        return np.stack([after, np.where(new, raw, moved), spread, np.where(new, raw, risen)])

    def _learn_tail(self, state: Floats, excess: Floats) -> Floats:
        n, (n_excesses, mean, square) = state[0], state[4:]
        limit = np.where(n_excesses < 5, np.inf, _LARGEST_EXCESS * mean)
        learned = np.minimum(excess, limit)
        recent = _RECENT * self.level * (n + 1) + 10
        after = np.minimum(n_excesses + 1, np.minimum(self.memory, recent))
        mean = mean + (learned - mean) / after
        square = square + (learned * learned - square) / after
        return np.where((excess > 0) & (n >= 10), np.stack([after, mean, square]), state[4:])
