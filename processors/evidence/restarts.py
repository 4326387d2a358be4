"""Where one run of an instance ends and the next begins."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows

_FALL = 0.5  # of everything seen since the start: no sawtooth or hump ends below half of its own floor
_LEAST = 0.02  # of the limit: below this, halving is noise


class Restarts(Columns):
    """Tells a restart where no start time does: by a fall below all that the run has shown."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.floor: Floats = self.column("floor", (), np.float64, np.inf)

    def add(self, rows: Rows, told: Flags, known: Flags, value: Floats, limit: Floats) -> Flags:
        """Take one sample per row; true where it is the first of a new run.

        Parameters
        ----------
        told, known
            Whether its start time says that the run is new, and whether it has one.
        value, limit
            Bytes.
        """
        floor = self.floor[rows]
        fell = ~known & np.isfinite(floor) & (value < _FALL * floor - _LEAST * limit)
        restarted = told | fell
        floor = np.where(restarted, np.inf, floor)
        self.floor[rows] = np.minimum(floor, value)
        return restarted
