"""Each feature in standard deviations from its mean over all time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from river import preprocessing

from processors.columns import Floats
from processors.models.arithmetic import standardise
from processors.models.column_model import ColumnModel


class StandardScaler(ColumnModel):
    """`(x - mean) / deviation`, by the mean and deviation before the record.

    The scores equal those of `river.preprocessing.StandardScaler`, bit for bit; 0 while the variance is 0.
    There is no rolling window (River's `window_size`).

    Does not work when the level or the spread changes. The statistics cover all time, and a step after a
    quiet phase becomes thousands of standard deviations. Clip behind it (`ClipZ`), or use `EWStats`.

    Parameters
    ----------
    capacity
        Number of rows.
    features
        Number of columns of `x`.
    with_std
        Whether to divide by the standard deviation, as in River.

    Examples
    --------
    >>> StandardScaler(1).score_learn(np.zeros(3, dtype=np.intp), np.array([[8.0], [12.0], [14.0]]))
    array([[0.], [0.], [2.]])
    """

    NAME: ClassVar[str] = "standard_scaler"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    SCORES_FEATURES: ClassVar[bool] = True

    def __init__(self, capacity: int, *, features: int = 1, with_std: bool = True) -> None:
        self.with_std = with_std
        super().__init__(capacity, features, 1 + 2 * features)

    def _parameters(self) -> str:
        return f"with_std={self.with_std}"

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        mean, variance = state[1 : 1 + self.features], state[1 + self.features :]
        n = state[:1] + 1
        after = mean + (x - mean) / n
        spread = variance + ((x - mean) * (x - after) - variance) / n
        scores = standardise(x, mean, variance) if self.with_std else x - mean
        return scores, np.concatenate([n, after, spread if self.with_std else variance])


def to_river(fleet: StandardScaler, row: int) -> preprocessing.StandardScaler:
    """Return the River scaler that continues like a row; features are `f0`, `f1`, ..."""
    scaler = preprocessing.StandardScaler(with_std=fleet.with_std)
    n, *numbers = fleet.numbers(row)
    for i in range(fleet.features if n else 0):
        scaler.counts[f"f{i}"] = int(n)
        scaler.means[f"f{i}"] = numbers[i]
        if fleet.with_std:
            scaler.vars[f"f{i}"] = numbers[fleet.features + i]
    return scaler


def from_river(fleet: StandardScaler, row: int, model: preprocessing.StandardScaler) -> None:
    """Continue a row from a River scaler of features `f0`, `f1`, ...

    Raises
    ------
    ValueError
        If it has a window or another `with_std`, or features were not always seen together.
    """
    if model.window_size is not None or model.with_std != fleet.with_std:
        raise ValueError("the River scaler has a window or another with_std")
    names = [f"f{i}" for i in range(fleet.features)]
    counts = {model.counts[name] for name in names}
    if len(counts) != 1:
        raise ValueError("the River scaler has features that were not always seen together")
    means = [model.means.get(name, 0.0) for name in names]
    fleet.set_numbers(row, [counts.pop(), *means, *(model.vars.get(name, 0.0) for name in names)])
