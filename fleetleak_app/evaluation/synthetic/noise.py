"""Autocorrelated noise."""

from __future__ import annotations

import math

import numpy as np

from fleetleak_app.evaluation.cases import Floats


def wander(n: int, sigma: float, memory_hours: float, hours: Floats, rng: np.random.Generator) -> Floats:
    """Return a first-order autoregression of standard deviation `sigma` that forgets in `memory_hours`."""
    step = float(hours[1] - hours[0]) if n > 1 else 1.0
    keep = math.exp(-step / memory_hours)
    shocks = (rng.standard_normal(n) * sigma * math.sqrt(1 - keep * keep)).tolist()
    level = float(rng.standard_normal()) * sigma
    found = []
    for shock in shocks:
        level = keep * level + shock
        found.append(level)
    return np.array(found)
