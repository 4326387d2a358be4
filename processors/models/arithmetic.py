"""Arithmetic that agrees with River to the last bit."""

from __future__ import annotations

import numpy as np

from processors.columns import Floats


def root(values: Floats) -> Floats:
    """Return `v ** 0.5` as Python does: by pow of libm, which may differ from sqrt in the last bit."""
    result: Floats = np.float_power(values, 0.5)
    return result


def standardise(x: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return `(x - mean) / variance ** 0.5`, or 0 where the variance is 0."""
    known = variance > 0
    return np.divide(x - mean, root(np.where(known, variance, 1.0)), out=np.zeros_like(mean), where=known)
