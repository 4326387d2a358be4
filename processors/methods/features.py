"""The features of point scorers: three numbers between 0 and 1 per record."""

from __future__ import annotations

import numpy as np

from processors.columns import Floats

FEATURES = 3
# Shares at which a feature is half way from its middle to its end.
_STEP_SCALE = 0.02
_DEVIATION_SCALE = 0.05


def features(limit_used: Floats, error: Floats, deviation: Floats) -> Floats:
    """Return the features of each record, shape `(B, FEATURES)`.

    Parameters
    ----------
    limit_used
        The share used / limit.
    error
        Signed one-step error of the forecaster, as a share; 0 without a forecast.
    deviation
        Signed distance from the faded mean, as a share.
    """
    return np.column_stack(
        [np.clip(limit_used, 0.0, 1.0), squash(error, _STEP_SCALE), squash(deviation, _DEVIATION_SCALE)]
    )


def squash(x: Floats, scale: float) -> Floats:
    """Map the real line to (0, 1), with 0 at .5, by arithmetic that has the same bits on every machine."""
    squashed: Floats = 0.5 + 0.5 * (x / (np.abs(x) + scale))
    return squashed
