"""Where one run of an instance ends and the next begins."""

from __future__ import annotations

import numpy as np

from processors.evidence.columns import Columns, Flags, Floats, Rows

_FALL = 0.5  # of everything seen since the start: no sawtooth or hump ends below half of its own floor
_LEAST = 0.02  # of the limit: below this, halving is noise


class Restarts(Columns):
    """Tells a restart by its start time, or without one by a fall below all that the run has shown."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.started: Floats = self.column("started", (), np.float64, np.nan)
        self.floor: Floats = self.column("floor", (), np.float64, np.inf)

    def add(self, rows: Rows, started: Floats, value: Floats) -> Flags:
        """Take one sample per row; true where it is the first of a new run."""
        known = self.started[rows]
        told = ~np.isnan(started) & ~np.isnan(known)
        fell = np.isnan(started) & (value < _FALL * self.floor[rows] - _LEAST)
        restarted = np.where(told, started != known, fell)
        floor = np.where(restarted, np.inf, self.floor[rows])
        self.floor[rows] = np.minimum(floor, value)
        self.started[rows] = np.where(np.isnan(started), known, started)
        return restarted
