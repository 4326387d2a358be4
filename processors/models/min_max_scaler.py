"""Each feature relative to the smallest and the largest value so far."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from river import preprocessing

from processors.columns import Floats
from processors.models.column_model import ColumnModel


class MinMaxScaler(ColumnModel):
    """`(x - min) / (max - min)`, by the smallest and largest value before the record.

    The scores equal those of `river.preprocessing.MinMaxScaler`, bit for bit. A new smallest or largest value
    has a score outside 0 to 1. The first record of a row scores 0, where River 0.26 returns NaN. There is no
    rolling window (River's `window_size`).

    Does not work when the series has one spike (it squeezes everything after it), or when it grows: a leak
    is always at 1, and models behind this one learn that as normal.

    Parameters
    ----------
    capacity
        Number of rows.
    features
        Number of columns of `x`.

    Examples
    --------
    >>> MinMaxScaler(1).score_learn(np.zeros(3, dtype=np.intp), np.array([[8.0], [12.0], [10.0]]))
    array([[0. ], [0. ], [0.5]])
    """

    NAME: ClassVar[str] = "min_max_scaler"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    SCORES_FEATURES: ClassVar[bool] = True

    def __init__(self, capacity: int, *, features: int = 1) -> None:
        super().__init__(capacity, features, 1 + 2 * features)

    def _parameters(self) -> str:
        return ""

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        low, high = state[1 : 1 + self.features], state[1 + self.features :]
        width = high - low
        scores = np.divide(x - low, width, out=np.zeros_like(x), where=width > 0)
        started = state[:1] > 0
        # Not np.minimum and np.maximum: of +0 and -0 they take another one than River.
        lowest, highest = np.where(x < low, x, low), np.where(x > high, x, high)
        bounds = np.where(started, np.concatenate([lowest, highest]), np.concatenate([x, x]))
        return scores, np.concatenate([np.ones_like(state[:1]), bounds])


def to_river(fleet: MinMaxScaler, row: int) -> preprocessing.MinMaxScaler:
    """Return the River scaler that continues like a row; features are `f0`, `f1`, ..."""
    scaler = preprocessing.MinMaxScaler()
    started, *bounds = fleet.numbers(row)
    for i in range(fleet.features if started else 0):
        scaler.min[f"f{i}"].min = bounds[i]
        scaler.max[f"f{i}"].max = bounds[fleet.features + i]
    return scaler


def from_river(fleet: MinMaxScaler, row: int, model: preprocessing.MinMaxScaler) -> None:
    """Continue a row from a River scaler of features `f0`, `f1`, ...

    Raises
    ------
    ValueError
        If it has a window.
    """
    if model.window_size is not None:
        raise ValueError("the River scaler has a window")
    numbers = [0.0] * (1 + 2 * fleet.features)
    for i in range(fleet.features):
        if f"f{i}" in model.min:
            numbers[0], numbers[1 + i] = 1.0, model.min[f"f{i}"].get()
            numbers[1 + fleet.features + i] = model.max[f"f{i}"].get()
    fleet.set_numbers(row, numbers)
