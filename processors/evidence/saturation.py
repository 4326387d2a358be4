"""The level at which a slowing growth would stop."""

from __future__ import annotations

import numpy as np

from processors.columns import Floats
from processors.evidence.trend import Fits

_NEVER = 0.97  # a slope that keeps this share from quarter to quarter does not slow down


def plateau(fits: Fits) -> Floats:
    """Return the level at which each growth would stop if its slope kept falling as it did last, in bytes.

    A growth towards a plateau loses the same share of its slope in equal times. So the ratio of the slopes of
    the last two quarters, continued as a geometric series, gives what is still to come. Only the second half
    counts: a fragmenting heap grows like the square root of time, and slows quickly at first and then less
    and less; a cache that fills slows at a constant rate.
    """
    last, before = fits["slope3"].astype(np.float64), np.maximum(fits["slope2"], 0.02)
    kept = np.clip(last / before, 0.0, _NEVER)
    to_come = fits["rise"] * np.clip(last, 0.0, 1.5) / 4.0 * kept / (1.0 - kept)
    level: Floats = fits["level"] + to_come
    return level
