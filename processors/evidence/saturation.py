"""Where a slowing growth is heading."""

from __future__ import annotations

import numpy as np

from processors.columns import Floats
from processors.evidence.trend import Fits

_NEVER = 0.97  # a slope that keeps this share per quarter is not slowing down


def plateau(fits: Fits) -> Floats:
    """Level at which the growth would stop if its slope kept falling as it did last, bytes.

    A growth towards a plateau loses the same share of its slope in equal times, so the ratio of the last
    two quarters' slopes, continued as a geometric series, gives what is still to come. Only the second
    half counts: the growth of a fragmenting heap (like the square root of time) slows quickly at first
    and then less and less, a cache filling up goes on at the same rate of decay.
    """
    last, before = fits["slope3"].astype(np.float64), np.maximum(fits["slope2"], 0.02)
    kept = np.clip(last / before, 0.0, _NEVER)
    to_come = fits["rise"] * np.clip(last, 0.0, 1.5) / 4.0 * kept / (1.0 - kept)
    level: Floats = fits["level"] + to_come
    return level
