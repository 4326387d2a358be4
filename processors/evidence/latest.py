"""The newest fit and shape of each level of an instance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Rows
from processors.evidence import signature
from processors.evidence.envelope import LEVELS
from processors.evidence.order import Order
from processors.evidence.rings import AS_STORED, Fitted
from processors.evidence.trend import FIT


class Latest(Columns):
    """Per instance, the newest fit and shape of each level."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.fits: NDArray[Any] = self.column("fits", (LEVELS,), FIT, 0)
        self.shapes: NDArray[Any] = self.column("shapes", (LEVELS,), signature.SHAPE, 0)

    def learn(self, rows: Rows, ring: NDArray[np.int32], fitted: Fitted, order: Order) -> Fitted:
        """Take what the rings of a batch say; return the fits and shapes at each sample, shape `(B, LEVELS)`.

        Parameters
        ----------
        ring
            The ring that the fit of each level rests on since that sample, shape `(B, LEVELS)`.
        order
            The order of `rows`.
        """
        stored = Fitted(self.fits, self.shapes)
        each = Fitted(*(column.take(rows, axis=0) for column in stored))
        own = np.flatnonzero(ring != AS_STORED)
        if len(own):
            now = _carried(ring, order) if order.repeats else ring
            at = np.flatnonzero(now != AS_STORED) if order.repeats else own
            _put(each, at, fitted, now.take(at))
            # Of equal indices, the last counts: the newest of its row.
            _put(stored, rows.take(own // LEVELS) * LEVELS + own % LEVELS, fitted, ring.take(own))
        return each


def _carried(ring: NDArray[np.int32], order: Order) -> NDArray[np.int32]:
    """Return the rings, with those that an earlier sample of the same row left."""
    ranked = ring.take(order.places, axis=0)
    carried = np.empty_like(ring)
    carried[order.places] = np.take_along_axis(ranked, order.latest(ranked != AS_STORED), 0)
    return carried


def _put(into: Fitted, at: Rows, fitted: Fitted, which: NDArray[np.int32]) -> None:
    # `put` is many times faster here than assigning to an index.
    for column, new in zip(into, fitted, strict=True):
        column.put(at, new.take(which))
