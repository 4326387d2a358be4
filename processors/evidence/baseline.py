"""The baseline: the longest stretch of a run in which an instance was steady."""

from __future__ import annotations

import numpy as np

from processors.columns import Columns, Flags, Floats, Rows

STEADY = 0.1  # coefficient of variation below which a stretch is a baseline
MERGED = 300.0  # gap, in seconds, that does not end a stretch
GAPS = 3.0  # the same in typical gaps of the series, for series that are sampled less often
BASELINE = 3  # begin and end (unix seconds) and mean (bytes)
_BEGIN, _COUNT, _MEAN, _SQUARES = range(4)


class Baselines(Columns):
    """Per instance, the current stretch and the longest stretch of this run."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.open: Floats = self.column("open", (4,), np.float64, np.nan)
        self.longest: Floats = self.column("longest", (BASELINE,), np.float64, np.nan)

    def add(self, rows: Rows, time: Floats, since: Floats, gap: Floats, value: Floats) -> Floats:
        """Take one sample per row; return the longest stretch so far, shape `(B, BASELINE)`.

        Parameters
        ----------
        time, since, gap
            Time of the sample, time since the sample before, and typical gap of the series, in seconds.
        value
            Memory, in bytes.
        """
        stretch = self._extend(self.open.take(rows, axis=0), value)
        goes_on = self._steady(stretch) & (since <= np.maximum(MERGED, GAPS * gap))
        if not goes_on.all():
            self._begin(stretch, ~goes_on, time, value)
        self.open[rows] = stretch
        longest = self.longest.take(rows, axis=0)
        longer = ~(time - stretch[:, _BEGIN] <= longest[:, 1] - longest[:, 0])
        now = np.empty_like(longest)
        now[:, 0], now[:, 1], now[:, 2] = stretch[:, _BEGIN], time, stretch[:, _MEAN]
        self.longest[rows] = best = np.where(longer[:, None], now, longest)
        return best

    @staticmethod
    def _begin(stretch: Floats, new: Flags, time: Floats, value: Floats) -> None:
        stretch[new] = 0.0
        stretch[new, _BEGIN], stretch[new, _COUNT], stretch[new, _MEAN] = time[new], 1.0, value[new]

    @staticmethod
    def _extend(stretch: Floats, value: Floats) -> Floats:
        stretch[:, _COUNT] += 1.0
        off = value - stretch[:, _MEAN]
        stretch[:, _MEAN] += off / stretch[:, _COUNT]
        stretch[:, _SQUARES] += off * (value - stretch[:, _MEAN])
        return stretch

    @staticmethod
    def _steady(stretch: Floats) -> Flags:
        variance = stretch[:, _SQUARES] / stretch[:, _COUNT]
        steady: Flags = variance < (STEADY * stretch[:, _MEAN]) ** 2
        return steady
