"""The newest fit and shape of each level of an instance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Floats32, Rows
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

    def r2(self, rows: Rows, ring: NDArray[np.int32], fitted: Fitted) -> Floats32:
        """Return the R^2 of the fits at each sample, shape `(B, LEVELS)`.

        Parameters
        ----------
        ring
            The ring that the fit of each level rests on, shape `(B, LEVELS)` (rings.py).
        fitted
            What the rings of the batch say.
        """
        r2: Floats32 = self.fits.take(rows, axis=0)["r2"].copy()
        changed = np.flatnonzero(ring != AS_STORED)
        r2.put(changed, fitted.fits["r2"].take(ring.take(changed)))
        return r2

    def at(self, rows: Rows, ring: NDArray[np.int32], fitted: Fitted) -> Fitted:
        """Return the fits and shapes at each sample, shape `(B, LEVELS)`; parameters as above."""
        at = Fitted(self.fits.take(rows, axis=0), self.shapes.take(rows, axis=0))
        changed = np.flatnonzero(ring != AS_STORED)
        for column, new in zip(at, fitted, strict=True):
            column.put(changed, new.take(ring.take(changed)))
        return at

    def keep(self, rows: Rows, ring: NDArray[np.int32], fitted: Fitted) -> None:
        """Store the fits and shapes at these samples, of which no row may repeat; parameters as above."""
        changed = np.flatnonzero(ring != AS_STORED)
        levels = rows.take(changed // LEVELS) * LEVELS + changed % LEVELS
        for column, new in zip((self.fits, self.shapes), fitted, strict=True):
            column.put(levels, new.take(ring.take(changed)))  # much faster than assigning to an index
