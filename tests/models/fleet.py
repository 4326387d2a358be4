"""Every registered model, small, for the suites that run over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from river import anomaly

from processors.calibration import Calibration
from processors.columns import Floats, Rows
from processors.methods import METHODS
from processors.models import MODELS

PARAMETERS: dict[str, dict[str, Any]] = {
    "half_space_trees": {"features": 2, "n_trees": 3, "height": 4, "window_size": 7, "seed": 1},
    "snarimax": {"p": 2, "d": 1, "q": 1, "m": 3, "sp": 1},
    "ew_stats": {"features": 2},
    "gaussian_scorer": {"grace_period": 5},
    "min_max_scaler": {"features": 2},
    "standard_scaler": {"features": 2},
    "page_hinkley": {"min_instances": 3, "threshold": 0.3},
    "adwin": {"clock": 1, "delta": 0.9},
    "river": {"model": anomaly.HalfSpaceTrees(2, 3, 5, seed=1), "features": 2, "object_bytes": 15_000},
    "calibration": {"warm_up": 5},
}
OTHER_PARAMETERS: dict[str, dict[str, Any]] = {
    "half_space_trees": {"seed": 2},
    "snarimax": {"regressor": "river-default"},
    "ew_stats": {"fading_factor": 0.5},
    "gaussian_scorer": {"grace_period": 6},
    "min_max_scaler": {"features": 3},
    "standard_scaler": {"with_std": False},
    "page_hinkley": {"delta": 0.1},
    "adwin": {"delta": 0.2},
    "river": {"model": anomaly.HalfSpaceTrees(2, 3, 6, seed=1)},
    "calibration": {"level": 0.1},
}
CLASSES: dict[str, Any] = {
    **{method.MODEL.NAME: method.MODEL for method in METHODS.values()},
    **MODELS,
    Calibration.NAME: Calibration,
}
"""The models of the methods, those that no method uses, and what calibrates them."""

FLEET: dict[str, Callable[[int], Any]] = {
    name: lambda capacity, name=name: CLASSES[name](capacity, **PARAMETERS[name])  # type: ignore[misc]
    for name in CLASSES
}


def other(name: str, capacity: int) -> Any:
    """Return the model with one parameter changed."""
    return CLASSES[name](capacity, **{**PARAMETERS[name], **OTHER_PARAMETERS[name]})


def records(seed: int, count: int, rows: int, features: int) -> tuple[Rows, Floats]:
    """Return a stream with steps, spikes and repeated values over a few keys."""
    rng = np.random.default_rng(seed)
    x = 0.3 + 0.3 * (np.arange(count)[:, None] // 40 % 2) + rng.normal(0, 0.02, (count, features))
    x[rng.random(count) < 0.05] = 0.95
    x[rng.random(count) < 0.2] = 0.3
    return rng.integers(0, rows, count).astype(np.intp), x


def dumps(model: Any, rows: int) -> list[bytes]:
    return [model.dump(row) for row in range(rows)]
