"""SNARIMAX for a whole fleet: one row of numbers per key, equal to River's to the last bit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from processors.columns import Floats, Rows
from processors.kernels.protocol import Arrays, Kernels
from processors.models.arithmetic import standardise
from processors.models.column_model import ColumnModel
from processors.models.snarimax.layout import REGRESSORS, Layout


class SNARIMAX(ColumnModel):
    """Seasonal ARIMA, learned online by gradient descent, as `river.time_series.SNARIMAX`, bit for bit.

    `score_learn` and `score` return the one-step forecast from before the record, not an anomaly score.
    `forecast` looks further ahead. `x` has one column, the series. The forecast of a new row is 0, as in
    River.

    Does not work when the series has a scale of its own: the default regressor clips gradients in units of
    the target, and is made for shares of a limit. With `d=1` a steady leak is perfectly predictable, so
    one-step errors do not show it: use forecasts. Reset a row when its instance restarts.
    `regressor="river-default"` diverges after a step that follows a quiet phase, and its forecasts can
    overflow.

    Parameters
    ----------
    capacity
        Number of rows.
    p, d, q, m, sp, sd, sq
        As in River.
    regressor
        `"stable"`: `StandardScaler | ClipZ(5) | LinearRegression(SGD(.003), clip_gradient=.05)`, or
        `"river-default"`: `StandardScaler | LinearRegression()`.

    Examples
    --------
    >>> model = SNARIMAX(1, p=1, d=1, q=0)
    >>> rows = np.zeros(3, dtype=np.intp)
    >>> model.score_learn(rows, np.array([[0.5], [0.6], [0.7]]))
    array([0.   , 0.5  , 0.601])
    >>> model.forecast(rows[:1], 3).round(3)
    array([[0.701, 0.702, 0.703]])
    """

    NAME: ClassVar[str] = "snarimax"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    def __init__(
        self,
        capacity: int,
        *,
        p: int,
        d: int,
        q: int,
        m: int = 1,
        sp: int = 0,
        sd: int = 0,
        sq: int = 0,
        regressor: str = "stable",
    ) -> None:
        if regressor not in REGRESSORS:
            raise ValueError(f"regressor {regressor!r} is not one of {', '.join(REGRESSORS)}")
        self.layout = Layout(p, d, q, m, sp, sd, sq)
        self.regressor = REGRESSORS[regressor]
        super().__init__(capacity, 1, self.layout.width)

    def _parameters(self) -> str:
        names = zip(("p", "d", "q", "m", "sp", "sd", "sq"), self.layout.orders, strict=True)
        return " ".join(f"{name}={order}" for name, order in names) + f" {self.regressor}"

    def forecast(self, rows: Rows, horizon: int) -> Floats:
        """Return forecasts of the next `horizon` values of each row, shape `(B, horizon)`."""
        return self.forecast_from(self.state[rows], horizon)

    def forecast_from(self, states: Floats, horizon: int) -> Floats:
        """Return forecasts of the next `horizon` values from states of rows, shape `(B, horizon)`.

        Parameters
        ----------
        states
            Such as `score_learn` fills into `before` and `after`, shape `(B, width)`.
        """
        layout = self.layout
        state = states.T.copy()
        forecasts = np.empty((horizon, len(states)))
        for ahead in range(horizon):
            features = state[layout.inputs]
            predicted = self._predict(state, features)
            forecasts[ahead] = self._undiff(state, predicted)
            self._push(state[layout.hist], forecasts[ahead])
            self._push(state[layout.diff], predicted)
            self._push(state[layout.errors], np.zeros(len(states)))
            state[0] += 1
        return np.ascontiguousarray(forecasts.T)

    def _step(self, state: Floats, x: Floats) -> tuple[Floats, Floats]:
        layout, y = self.layout, x[0]
        features = state[layout.inputs]
        predicted = self._predict(state, features)
        forecast = self._undiff(state, predicted)
        new = state.copy()
        target = self._diff(state, y)
        self._learn(new, features, target)
        self._push(new[layout.diff], target)
        self._push(new[layout.errors], target - predicted)
        cold = state[0] < layout.n_hist
        if cold.any():  # too short to be differenced: only the value itself is kept
            new[:, cold] = state[:, cold]
        self._push(new[layout.hist], y)
        new[0] += 1
        return forecast, new

    def _compiled(self, kernels: Kernels, records: Arrays) -> bool:
        layout, regressor = self.layout, self.regressor
        kernels.snarimax(
            records,
            (layout.inputs, layout.lags, *layout.terms),
            layout.n_hist,
            layout.n_diff,
            layout.n_errors,
            regressor.lr,
            regressor.intercept_lr,
            regressor.clip_gradient,
            regressor.clip_z,
        )
        return True

    def _standardise(self, state: Floats, features: Floats) -> Floats:
        # An unseen lag is 0, with mean and variance 0. Like River's absent feature, it adds nothing.
        z = standardise(features, state[self.layout.mean], state[self.layout.variance])
        np.clip(z, -self.regressor.clip_z, self.regressor.clip_z, out=z)
        return z

    def _dot(self, state: Floats, z: Floats) -> Floats:
        total = np.zeros(state.shape[1])
        for weight, value in zip(state[self.layout.weight], z, strict=True):
            total += weight * value
        total += state[1]
        return total

    def _predict(self, state: Floats, features: Floats) -> Floats:
        return self._dot(state, self._standardise(state, features))

    def _learn(self, state: Floats, features: Floats, target: Floats) -> None:
        layout, regressor = self.layout, self.regressor
        learned = state[0] - layout.n_hist
        count = np.maximum(learned + 1 - layout.lags[:, None], 1.0)
        before = state[layout.mean].copy()
        state[layout.mean] += (features - before) / count
        spread = (features - before) * (features - state[layout.mean])
        state[layout.variance] += (spread - state[layout.variance]) / count
        z = self._standardise(state, features)
        gradient = 2 * (self._dot(state, z) - target)
        np.clip(gradient, -regressor.clip_gradient, regressor.clip_gradient, out=gradient)
        state[1] -= regressor.intercept_lr * gradient
        state[layout.weight] -= regressor.lr * (z * gradient)

    def _diff(self, state: Floats, y: Floats) -> Floats:
        hist = state[self.layout.hist]
        total = np.zeros(len(y))
        for lag, coefficient in self.layout.coefficients:
            total += coefficient * hist[lag - 1] if lag else y
        return total

    def _undiff(self, state: Floats, predicted: Floats) -> Floats:
        hist = state[self.layout.hist]
        total = predicted.copy()
        present = np.ones(len(total), dtype=bool)
        for lag, coefficient in self.layout.coefficients[1:]:
            present &= state[0] >= lag  # River stops at the first lag that is missing
            total -= np.where(present, coefficient * hist[lag - 1], 0.0)
        return total

    @staticmethod
    def _push(ring: Floats, newest: Floats) -> None:
        if len(ring):
            ring[1:] = ring[:-1].copy()
            ring[0] = newest
