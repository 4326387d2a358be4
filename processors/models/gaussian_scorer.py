"""How far a value lies in the tails of a normal distribution, fitted to all values so far."""

from __future__ import annotations

import math
from typing import Any, ClassVar, cast

import numpy as np
from river import anomaly

from processors.columns import Floats
from processors.models.arithmetic import root
from processors.models.column_model import ColumnModel


class GaussianScorer(ColumnModel):
    """`2 |CDF(x) - 0.5|` of a running normal fit, as `river.anomaly.GaussianScorer`, bit for bit.

    The score is 0 until `grace_period` records have been learned. There is no rolling window (River's
    `window_size`).

    Does not work when values are not normal (tails of real hosts are far heavier), have a trend, or change
    their level: nothing is ever forgotten. A constant series scores 1, as in River. For a probability,
    calibrate a raw difference with `processors.calibration` instead.

    Parameters
    ----------
    capacity
        Number of rows.
    grace_period
        As in River.

    Examples
    --------
    >>> model = GaussianScorer(1, grace_period=3)
    >>> model.score_learn(np.zeros(4, dtype=np.intp), np.array([[1.0], [2.0], [3.0], [4.0]]))
    array([0.   , 0.   , 0.   , 0.954])
    """

    NAME: ClassVar[str] = "gaussian_scorer"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(self, capacity: int, *, grace_period: int = 100) -> None:
        self.grace_period = grace_period
        super().__init__(capacity, 1, 3)

    def _parameters(self) -> str:
        return f"grace_period={self.grace_period}"

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        n, mean, squares = state
        y = x[0]
        variance = np.where(n > 1, squares / np.maximum(n - 1, 1), 0.0)
        scores = np.where(n < self.grace_period, 0.0, 2 * np.abs(self._cdf(y, mean, variance) - 0.5))
        after = mean + 1.0 / (n + 1) * (y - mean)
        return scores, np.stack([n + 1, after, squares + (y - mean) * (y - after)])

    @staticmethod
    def _cdf(y: Floats, mean: Floats, variance: Floats) -> Floats:
        known = variance > 0
        z = (y - mean) / root(np.where(known, variance, 1.0)) / math.sqrt(2.0)
        # numpy has no erf, and that of scipy differs from that of Python in the last bit
        erf = np.fromiter(map(math.erf, z.tolist()), dtype=np.float64, count=len(z))
        return np.where(known, 0.5 * (1.0 + erf), 0.0)


def to_river(fleet: GaussianScorer, row: int) -> anomaly.GaussianScorer:
    """Return the River model that continues like a row."""
    model: Any = anomaly.GaussianScorer(grace_period=fleet.grace_period)  # type: ignore[no-untyped-call]
    variance = model.gaussian._var  # noqa: SLF001 River has no setter
    variance.mean.n, variance.mean._mean, variance._S = fleet.numbers(row)  # noqa: SLF001
    return cast(anomaly.GaussianScorer, model)


def from_river(fleet: GaussianScorer, row: int, model: anomaly.GaussianScorer) -> None:
    """Continue a row from a River model.

    Raises
    ------
    ValueError
        If it has a window, or another grace period.
    """
    if model.window_size or model.grace_period != fleet.grace_period:
        raise ValueError("the River model has a window or another grace_period")
    variance: Any = model.gaussian._var  # noqa: SLF001 River has no getter
    fleet.set_numbers(row, [variance.mean.n, variance.mean._mean, variance._S])  # noqa: SLF001
