"""Exponentially weighted mean and variance of each feature."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

import numpy as np
from river import preprocessing, stats

from processors.columns import Floats, Rows
from processors.kernels.protocol import Arrays, Kernels
from processors.models.arithmetic import standardise
from processors.models.column_model import ColumnModel

_RUST_MEAN = struct.Struct("<ddd?d")  # mean, factor, 1 - factor, started, factor
_RUST_VAR = struct.Struct("<ddd?ddd?dd")  # mean of x, mean of x * x, factor twice


class EWStats(ColumnModel):
    """Distance from an exponentially weighted mean, in standard deviations.

    The scores equal those of `river.preprocessing.AdaptiveStandardScaler`, bit for bit. The score of each
    feature is `(x - mean) / deviation`, by the mean and deviation before the record; 0 while the variance is
    0. `mean` and `variance` return River's `EWMean` and `EWVar` [1]_.

    Does not work when the mean is large against the spread. The variance is the mean of squares minus the
    square of the mean, and these cancel: at 3e9 bytes +- 1e3 it is wrong by half. Feed shares of a limit.

    Parameters
    ----------
    capacity
        Number of rows.
    features
        Number of columns of `x`.
    fading_factor
        Weight of the newest value, from 0 to 1.

    References
    ----------
    .. [1] Finch. Incremental calculation of weighted mean and variance. University of Cambridge, 2009.

    Examples
    --------
    >>> model = EWStats(1, fading_factor=0.5)
    >>> model.score_learn(np.zeros(3, dtype=np.intp), np.array([[1.0], [3.0], [5.0]]))
    array([[0.], [0.], [3.]])
    """

    NAME: ClassVar[str] = "ew_stats"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    SCORES_FEATURES: ClassVar[bool] = True

    def __init__(self, capacity: int, *, features: int = 1, fading_factor: float = 0.3) -> None:
        if not 0 <= fading_factor <= 1:
            raise ValueError(f"fading_factor is {fading_factor}; 0 to 1 is meant")
        self.fading_factor = fading_factor
        super().__init__(capacity, features, 1 + 2 * features)

    def _parameters(self) -> str:
        return f"fading_factor={self.fading_factor}"

    def mean(self, rows: Rows) -> Floats:
        """Return the mean of each feature, shape `(B, features)`; 0 for a new row."""
        return self.mean_of(self.state[rows])

    def mean_of(self, states: Floats) -> Floats:
        """Return the mean of each feature in these states, shape `(B, features)`; 0 in a new one."""
        return states[:, 1 : 1 + self.features]

    def variance(self, rows: Rows) -> Floats:
        """Return the variance of each feature, shape `(B, features)`; rounding can put it just below 0."""
        mean = self.mean(rows)
        spread: Floats = self.state[rows, 1 + self.features :] - mean * mean
        return spread

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        mean, square = state[1 : 1 + self.features], state[1 + self.features :]
        scores = standardise(x, mean, square - mean * mean)
        observed = np.concatenate([x, x * x])
        faded = self.fading_factor * observed + (1.0 - self.fading_factor) * state[1:]
        started = state[:1] > 0
        return scores, np.concatenate([np.ones_like(state[:1]), np.where(started, faded, observed)])

    def _compiled(self, kernels: Kernels, records: Arrays) -> bool:
        kernels.ew_stats(records, self.features, self.fading_factor)
        return True


def to_river(fleet: EWStats, row: int) -> preprocessing.AdaptiveStandardScaler:
    """Return the River scaler that continues like a row; features are `f0`, `f1`, ..."""
    scaler = preprocessing.AdaptiveStandardScaler(fleet.fading_factor)  # type: ignore[no-untyped-call]
    started, *numbers = fleet.numbers(row)
    factor = fleet.fading_factor
    for i in range(fleet.features if started else 0):
        mean, square = numbers[i], numbers[fleet.features + i]
        head = (mean, factor, 1.0 - factor, True, factor)
        _rust(scaler.means[f"f{i}"]).__setstate__(_RUST_MEAN.pack(*head))
        body = (mean, factor, 1.0 - factor, True, square, factor, 1.0 - factor, True, factor, factor)
        _rust(scaler.vars[f"f{i}"]).__setstate__(_RUST_VAR.pack(*body))
    return scaler


def from_river(fleet: EWStats, row: int, model: preprocessing.AdaptiveStandardScaler) -> None:
    """Continue a row from a River scaler of features `f0`, `f1`, ...

    Raises
    ------
    ValueError
        If its fading factor is another.
    """
    if model.fading_factor != fleet.fading_factor:
        raise ValueError("the River scaler has another fading_factor")
    numbers = [0.0] * (1 + 2 * fleet.features)
    for i in range(fleet.features):
        if f"f{i}" in model.vars:
            known = _RUST_VAR.unpack(_rust(model.vars[f"f{i}"]).__getstate__())
            numbers[0], numbers[1 + i], numbers[1 + fleet.features + i] = 1.0, known[0], known[4]
    fleet.set_numbers(row, numbers)


def _rust(statistic: Any) -> Any:
    return statistic._ewmean if isinstance(statistic, stats.EWMean) else statistic._ewvar  # noqa: SLF001
