"""When the limit will be reached."""

from __future__ import annotations

import numpy as np

from processors.evidence.columns import Floats
from processors.evidence.trend import Fits

_SPREAD = 0.6  # half width of the interval, in logarithms of the time left


def time_left(fits: Fits, left: Floats) -> tuple[Floats, Floats, Floats]:
    """Seconds until `left` more of the limit is used: p50, p10, p90."""
    recent = np.clip(fits["slope3"], 0.3, 3.0) * fits["slope"]
    middle = np.maximum(left, 0.0) / np.maximum(recent, 1e-12)
    return middle, middle * np.exp(-_SPREAD), middle * np.exp(_SPREAD)


def growth_interval(fits: Fits) -> tuple[Floats, Floats]:
    """80 % interval of the slope; correlated residuals count for fewer points."""
    rho = np.clip(fits["rho"], 0.0, 0.95)
    points = np.maximum(fits["points"] * (1.0 - rho) / (1.0 + rho), 2.0)
    window = np.maximum(fits["window"], 1.0)
    error = 1.2816 * fits["residual"] * np.sqrt(12.0 / points) / window
    return fits["slope"] - error, fits["slope"] + error
