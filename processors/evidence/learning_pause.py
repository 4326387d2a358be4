"""How long learning has been paused because growth is significant."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows
from processors.order import order

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
        """Take samples; return whether the models may learn each. Rows may repeat; the order counts."""
        known = self.since.take(rows)
        if not significant.any() and np.isnan(known).all():
            return ~significant
        ranked = order(rows)
        time, significant = time.take(ranked.places), significant.take(ranked.places)
        first = np.ones(len(rows), np.bool_)  # of a streak, or not in one
        np.logical_not(significant[:-1], out=first[1:])
        known = known.take(ranked.places)
        began = np.where(ranked.starts & ~np.isnan(known), known, time)
        since = began.take(ranked.latest(first))
        # Of equal rows, the last counts.
        self.since[rows.take(ranked.places)] = np.where(significant, since, np.nan)
        learns = np.empty_like(significant)
        learns[ranked.places] = ~significant | (time - since > MOST_SECONDS)
        return learns
