"""The newest fit and shape of each level of an instance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Rows
from processors.evidence import signature
from processors.evidence.envelope import LEVELS
from processors.evidence.rings import AS_STORED, Fitted
from processors.evidence.trend import FIT


class Latest(Columns):
    """Per instance, the newest fit and shape of each level."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.fits: NDArray[Any] = self.column("fits", (LEVELS,), FIT, 0)
        self.shapes: NDArray[Any] = self.column("shapes", (LEVELS,), signature.SHAPE, 0)

    def learn(self, rows: Rows, ring: NDArray[np.int32], fitted: Fitted) -> Fitted:
        """Take what the rings of a batch say; return the fits and shapes at each sample, shape `(B, LEVELS)`.

        Parameters
        ----------
        ring
            The ring that the fit of each level rests on, shape `(B, LEVELS)` (rings.py).
        """
        each = Fitted(self.fits.take(rows, axis=0), self.shapes.take(rows, axis=0))
        at = np.flatnonzero(ring != AS_STORED)
        if len(at):
            which, levels = ring.take(at), rows.take(at // LEVELS) * LEVELS + at % LEVELS
            for column, now, new in zip((self.fits, self.shapes), each, fitted, strict=True):
                # `put` is much faster here than assigning to an index. Of equal ones, the last counts.
                now.put(at, new.take(which))
                column.put(levels, new.take(which))
        return each
