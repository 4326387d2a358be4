"""Where a new run of an instance begins."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows

RESTART_FALL = 0.5  # of the lowest value since the start; no sawtooth ends below half of its own floor
RESTART_LEAST = 0.02  # of the limit; a smaller fall is noise


class Restarts(Columns):
    """Finds restarts; where no start time is known, by a fall below all values of the run."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.floor: Floats = self.column("floor", (), np.float64, np.inf)

    def add(self, rows: Rows, told: Flags, known: Flags, value: Floats, limit: Floats) -> Flags:
        """Take one sample per row; return whether it is the first of a new run.

        Parameters
        ----------
        told, known
            Whether the start time says that the run is new, and whether there is a start time.
        value, limit
            Memory and limit, in bytes.
        """
        floor = self.floor.take(rows)
        fell = ~known & np.isfinite(floor) & (value < RESTART_FALL * floor - RESTART_LEAST * limit)
        restarted = told | fell
        floor = np.where(restarted, np.inf, floor)
        self.floor[rows] = np.minimum(floor, value)
        return restarted
