"""One step of SNARIMAX in plain Python: the same arithmetic as in columns, cheaper for a few records."""

from __future__ import annotations

from processors.models.snarimax.layout import Layout, Regressor


def _standardise(layout: Layout, regressor: Regressor, state: list[float], x: list[float]) -> list[float]:
    limit = regressor.clip_z
    return [
        max(min((value - mean) / variance**0.5, limit), -limit) if variance > 0 else 0.0
        for value, mean, variance in zip(x, state[layout.mean], state[layout.variance], strict=True)
    ]


def _dot(layout: Layout, state: list[float], z: list[float]) -> float:
    total = 0.0
    for weight, value in zip(state[layout.weight], z, strict=True):
        total += weight * value
    return total + state[1]


def _undiff(layout: Layout, state: list[float], predicted: float) -> float:
    total, begin = predicted, layout.hist.start - 1
    for lag, coefficient in layout.coefficients[1:]:
        if state[0] < lag:
            break
        total -= coefficient * state[begin + lag]
    return total


def _diff(layout: Layout, state: list[float], y: float) -> float:
    total, begin = 0.0, layout.hist.start - 1
    for lag, coefficient in layout.coefficients:
        total += coefficient * state[begin + lag] if lag else y
    return total


def _learn(layout: Layout, regressor: Regressor, state: list[float], x: list[float], target: float) -> None:
    learned = state[0] - layout.n_hist
    n, mean, variance = layout.n_features, layout.mean.start, layout.variance.start
    for i, (value, lag) in enumerate(zip(x, layout.lags.tolist(), strict=True)):
        count = max(learned + 1 - lag, 1.0)
        before = state[mean + i]
        state[mean + i] = after = before + (value - before) / count
        old = state[variance + i]
        state[variance + i] = old + ((value - before) * (value - after) - old) / count
    z = _standardise(layout, regressor, state, x)
    limit = regressor.clip_gradient
    gradient = max(min(2 * (_dot(layout, state, z) - target), limit), -limit)
    state[1] -= regressor.intercept_lr * gradient
    weight = layout.weight.start
    for i in range(n):
        state[weight + i] -= regressor.lr * (z[i] * gradient)


def _push(state: list[float], ring: slice, newest: float) -> None:
    if ring.start < ring.stop:
        state[ring] = [newest, *state[ring.start : ring.stop - 1]]


def step(layout: Layout, regressor: Regressor, state: list[float], y: float) -> float:
    """Learn one value into `state` in place; return the forecast from before."""
    x = [state[i] for i in layout.inputs.tolist()]
    predicted = _dot(layout, state, _standardise(layout, regressor, state, x))
    forecast = _undiff(layout, state, predicted)
    if state[0] >= layout.n_hist:
        target = _diff(layout, state, y)
        _learn(layout, regressor, state, x, target)
        _push(state, layout.diff, target)
        _push(state, layout.errors, target - predicted)
    _push(state, layout.hist, y)
    state[0] += 1
    return forecast
