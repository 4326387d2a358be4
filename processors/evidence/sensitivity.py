"""The slowest leak that could be seen in a series, given what is normal for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from processors.columns import Floats
from processors.evidence.confidence import (
    DAY,
    LEAST_RISE,
    PATIENCE,
    SLOW_DAYS,
    SLOW_RISE,
    SLOW_TAKEN,
    STRAIGHT_RISE,
    STRAIGHT_TAKEN,
)
from processors.evidence.envelope import LENGTH, LEVELS, WIDTHS
from processors.evidence.normal_rise import MEMORY

_WITHIN = 14 * DAY  # leaks that take longer to be seen are left out


class Slowest(NamedTuple):
    """The slowest steady growth that could be seen: bytes per second, over `window` seconds.

    `noise` is the rise that is normal at that time scale, in bytes.
    """

    growth: float
    window: float
    noise: float


def slowest(key: Floats, scale: int, time: float, limit: float) -> Slowest:
    """Return the slowest straight growth that the criteria of confidence.py let pass within two weeks.

    Parameters
    ----------
    key
        `NormalRise.key` of the service, shape `(SCALES,)`.
    scale
        Finest scale of the instance, `Envelope.scale`.
    time
        Unix seconds, because what is normal fades with time.
    limit
        Limit of the instance, in bytes.

    Notes
    -----
    A growth with kinks or a season, or of a young service, must be faster to be seen.
    """
    levels = scale + np.arange(LEVELS)
    width = WIDTHS[levels]
    normal = np.maximum(np.exp2(key[levels] - time / (MEMORY * width)), LEAST_RISE * limit)
    window = (LENGTH - 1) * width
    days = np.maximum(window / DAY, 1.0)
    rise = np.maximum(STRAIGHT_RISE * normal, limit * STRAIGHT_TAKEN * days**PATIENCE)
    slow = (window > SLOW_DAYS * DAY) & (SLOW_RISE * normal < limit * SLOW_TAKEN)
    rise = np.where(slow, np.minimum(SLOW_RISE * normal, rise), rise)
    soon = window <= max(_WITHIN, window[0])
    best = int(np.argmin(np.where(soon, rise / window, np.inf)))
    return Slowest(float(rise[best] / window[best]), float(window[best]), float(normal[best]))
