"""Converts `SNARIMAX` to River's object and back: for inspection and tests, not for the hot path."""

from __future__ import annotations

import math
from typing import Any

from river import linear_model, optim, preprocessing, time_series

from processors.models.clip_z import ClipZ
from processors.models.snarimax.layout import Layout, Regressor
from processors.models.snarimax.model import SNARIMAX


def _pipeline(regressor: Regressor) -> Any:
    linear = linear_model.LinearRegression(
        optim.SGD(regressor.lr),
        intercept_lr=regressor.intercept_lr,
        clip_gradient=regressor.clip_gradient,
    )
    if math.isinf(regressor.clip_z):
        return preprocessing.StandardScaler() | linear
    return preprocessing.StandardScaler() | ClipZ(regressor.clip_z) | linear


def _parts(model: Any) -> tuple[Any, Any]:
    return model.regressor["StandardScaler"], model.regressor["LinearRegression"]


def to_river(fleet: SNARIMAX, row: int) -> time_series.SNARIMAX:
    """Return the River model that continues like a row."""
    layout, regressor, state = fleet.layout, fleet.regressor, fleet.numbers(row)
    model = time_series.SNARIMAX(*layout.orders, regressor=_pipeline(regressor))
    seen = int(state[0])
    learned = max(seen - layout.n_hist, 0)
    model.y_hist.extend(state[layout.hist][:seen])
    model.y_diff.extend(state[layout.diff][:learned])
    model.errors.extend(state[layout.errors][:learned])
    scaler, linear = _parts(model)
    linear.intercept = state[1]
    linear.optimizer.n_iterations = learned
    numbers = zip(state[layout.mean], state[layout.variance], state[layout.weight], strict=True)
    for name, lag, (mean, variance, weight) in zip(layout.names, layout.lags.tolist(), numbers, strict=True):
        if learned > lag:
            scaler.counts[name] = learned - lag
            scaler.means[name], scaler.vars[name] = mean, variance
            linear._weights[name] = weight  # noqa: SLF001 River has no setter
    return model


def _require_equal(model: time_series.SNARIMAX, layout: Layout, regressor: Regressor) -> None:
    if (model.p, model.d, model.q, model.m, model.sp, model.sd, model.sq) != layout.orders:
        raise ValueError("the River model has other orders")
    wanted = _pipeline(regressor)
    if repr(model.regressor) != repr(wanted):
        raise ValueError(f"the River model's regressor is not {wanted!r}")


def from_river(fleet: SNARIMAX, row: int, model: time_series.SNARIMAX) -> None:
    """Continue a row from a River model.

    Raises
    ------
    ValueError
        If the model's orders or regressor are not those of the fleet.
    """
    layout = fleet.layout
    _require_equal(model, layout, fleet.regressor)
    scaler, linear = _parts(model)
    learned = linear.optimizer.n_iterations
    state = [0.0] * layout.width
    state[0] = float(len(model.y_hist) + learned)
    state[1] = float(linear.intercept)
    weights = linear.weights
    for i, name in enumerate(layout.names):
        state[layout.mean.start + i] = float(scaler.means.get(name, 0.0))
        state[layout.variance.start + i] = float(scaler.vars.get(name, 0.0))
        state[layout.weight.start + i] = float(weights.get(name, 0.0))
    rings = (layout.hist, layout.diff, layout.errors)
    for ring, values in zip(rings, (model.y_hist, model.y_diff, model.errors), strict=True):
        state[ring.start : ring.start + len(values)] = [float(value) for value in values]
    fleet.set_numbers(row, state)
