"""How long learning has been paused because growth is significant."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows

MOST_SECONDS = 3 * 86400.0


class LearningPause(Columns):
    """Pauses learning while growth is significant, so that a leak does not become normal.

    Learning goes on when the growth ends, and in any case after `MOST_SECONDS`. A growth that has lasted so
    long without an alert, or with an alert that nobody acted on, is how the service is now.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.since: Floats = self.column("since", (), np.float64, np.nan)

    def learns(self, rows: Rows, time: Floats, significant: Flags) -> Flags:
        """Take one sample per row; return whether the models may learn it."""
        since = np.where(np.isnan(self.since[rows]), time, self.since[rows])
        self.since[rows] = np.where(significant, since, np.nan)
        learns: Flags = ~significant | (time - since > MOST_SECONDS)
        return learns
