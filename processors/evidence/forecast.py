"""Forecasts: when a growth reaches the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Floats
from processors.evidence.signature import CODE, CONCAVE
from processors.evidence.trend import Fits

_SOONER, _LATER = 1.0, 0.12  # conformal: logarithms by which p10 and p90 leave the middle (docs/evidence.md)
_SCATTER = 2.0  # standard deviations about the line by which the level may be wrong
_POWER = 1.0 / 0.6  # a fragmenting heap grows like time^0.6
_CONVEX = 0.1  # a growth with a bend between `CONCAVE` and this continues straight
_TINY = 1e-12  # of the limit, per second
_Z80 = 1.2816


def reach(fits: Fits, shapes: NDArray[Any], left: Floats, limit: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the seconds from the newest point of each fit until `left` more bytes are used: p50, p10, p90.

    Convex growth continues as an exponential, and concave growth as a power of time. Any other growth
    continues along its newest slope; so does a staircase, whose bends are its steps.
    """
    scatter = _SCATTER * fits["residual"]
    middle = _continue(fits, shapes, np.maximum(left, 0.0), limit)
    low = _continue(fits, shapes, np.maximum(left - scatter, 0.0), limit) * np.exp(-_SOONER)
    high = _continue(fits, shapes, np.maximum(left + scatter, 0.0), limit) * np.exp(_LATER)
    return middle, low, high


def _continue(fits: Fits, shapes: NDArray[Any], left: Floats, limit: Floats) -> Floats:
    read = (shapes["body"] > 0) & (shapes["slope_end"] > 0)
    slope = np.maximum(np.where(read, shapes["slope_end"], fits["slope"]), _TINY * limit).astype(np.float64)
    span = np.maximum(shapes["span"], 1.0)
    height = np.maximum(shapes["rise"], 1e-6 * limit).astype(np.float64)
    bend = np.where(read & (shapes["kind"] != CODE["staircase"]), shapes["bend"], 0.0)
    rate = np.maximum(2.0 * bend * height / (span * span) / slope, 1e-12)
    convex = np.log1p(rate * left / slope) / rate
    concave = span * ((1.0 + left / height) ** _POWER - 1.0)
    straight = left / slope
    return np.where(bend > _CONVEX, convex, np.where(bend < CONCAVE, concave, straight))


def growth_interval(fits: Fits) -> tuple[Floats, Floats]:
    """Return the 80 % interval of the slope, in bytes per second; correlated points count as fewer."""
    rho = np.clip(fits["rho"], 0.0, 0.95)
    points = np.maximum(fits["points"] * (1.0 - rho) / (1.0 + rho), 2.0)
    window = np.maximum(fits["window"], 1.0)
    error = _Z80 * fits["residual"] * np.sqrt(12.0 / points) / window
    return fits["slope"] - error, fits["slope"] + error
