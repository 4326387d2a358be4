"""The rings of a batch that are worth a fit, copied as they were at that moment, and what the fits say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.columns import Floats, Floats32, Rows
from processors.evidence import signature, trend
from processors.evidence.confidence import LEAST_RISE
from processors.evidence.envelope import LENGTH

AS_STORED, NOTHING = -2, -1
"""Instead of the index of a ring: the fit stays as it is; the ring has changed, and is not worth a fit."""
UNUSUAL = 1.5  # times what the instance itself gives back; the verdict needs more (confidence.py)
_SHAPE_RISE = 0.02  # of the limit; only a growth that can be suspected has its shape read
_SHAPE_R2 = 0.4


class Rings(NamedTuple):
    """Rings worth a fit, shape `(n, ...)`.

    Parameters
    ----------
    low, at, busy
        The ring, newest bucket first, shape `(n, LENGTH)` (envelope.py).
    size
        Number of its buckets.
    usual
        What the instance itself gives back at that scale, in bytes.
    limit
        The limit of the instance, in bytes.
    """

    low: Floats32
    at: Floats32
    busy: Floats32
    size: NDArray[np.int16]
    usual: Floats32
    limit: Floats

    @classmethod
    def of(cls, size: int) -> Rings:
        """Return so many rings that are still to be filled."""
        low, at, busy = (np.empty((size, LENGTH), np.float32) for _ in range(3))
        return cls(low, at, busy, np.empty(size, np.int16), np.empty(size, np.float32), np.empty(size))

    def first(self, size: int) -> Rings:
        """Return the first rings."""
        columns: Iterator[Any] = (column[:size] for column in self)
        return Rings(*columns)


class Fitted(NamedTuple):
    """The fit and the shape of each ring, shape `(n + 1,)`; the last ones are zero, for `NOTHING`."""

    fits: NDArray[Any]
    shapes: NDArray[Any]


def joined(parts: list[Rings]) -> Rings:
    """Return the rings of all parts, in order."""
    return parts[0] if len(parts) == 1 else Rings(*map(np.concatenate, zip(*parts, strict=True)))


def worth(low: Floats32, size: NDArray[np.int16], usual: Floats32, limit: Floats) -> Rows:
    """Return which rings can rise above what is usual; the others are not fitted."""
    least = np.maximum(UNUSUAL * usual, LEAST_RISE * limit)
    return np.flatnonzero(trend.most(low, size) > least)


def fitted(rings: Rings) -> Fitted:
    """Fit all rings, and read the shape of those that clearly grow."""
    fits = np.zeros(len(rings.size) + 1, trend.FIT)
    shapes = np.zeros(len(fits), signature.SHAPE)
    if len(rings.size):
        sums = trend.suffixes(rings.low, rings.at, rings.size)
        fits[:-1] = fit = trend.fit(sums, rings.low, rings.at, rings.busy)
        least = np.maximum(UNUSUAL * rings.usual, _SHAPE_RISE * rings.limit)
        clear = np.flatnonzero((fit["rise"] * fit["r2"] > least) & (fit["r2"] > _SHAPE_R2))
        if len(clear):
            shapes[clear] = signature.shape(sums.take(clear))
    return Fitted(fits, shapes)
