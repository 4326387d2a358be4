"""Features of an instance at four time scales: how fast it takes and gives memory, and what goes with it.

They describe a growth for people. The verdict depends on the trend alone (confidence.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.columns import Columns, Floats, Floats32, Rows

TIME_SCALES = (600.0, 7200.0, 86400.0, 604800.0)  # seconds: ten minutes, two hours, a day, a week
_TAU = np.array(TIME_SCALES)[:, None]
HOURS, DAY = 1, 2  # the time scales at which faults and collections are compared with memory
LEAST_FALL = 0.002  # of the limit; a smaller fall is not a collection
CLEAR_FALL = 2.0  # standard deviations over two hours; a smaller fall is not a collection
LEAST_GAP = 1e-3  # seconds; samples that are closer count as this far apart
_TINY = 1e-18

# Places in a row of numbers; the first five have one number per time scale.
_UP, _DOWN, _MEAN, _VARIANCE, _NEXT = (slice(at, at + 4) for at in range(0, 20, 4))
_VALUE, _FALLS, _FALL_LEVEL, _FAULTS, _FAULT_VARIANCE, _TAKEN_VARIANCE, _FAULT_TAKEN = range(20, 27)
_SWAP, _SWAP_RATE = 27, 28
NUMBERS = 29


@dataclass(frozen=True)
class FlowFeatures:
    """Features of one sample, in bytes and seconds. Lists have one entry per time scale.

    `allocation` and `deallocation` are exponentially weighted means of the rises and of the falls between
    samples, per second; `growth` is their difference. `volatility` is the standard deviation over the mean,
    `autocorrelation` that of neighbouring samples. `collections_per_sample` is the share of samples with a
    clear fall (of a garbage collector, or at the end of a job). `collection_correlation` is that of falls
    with the level before them: a heap near its cap collects more and more often. `fault_correlation` is that
    of page faults with allocation.
    """

    growth: list[float]
    allocation: list[float]
    deallocation: list[float]
    volatility: list[float]
    autocorrelation: list[float]
    collections_per_sample: float
    collection_correlation: float
    fault_correlation: float
    swap: float
    swap_growth: float


class Flows(Columns):
    """The running numbers behind `FlowFeatures`, one row per instance.

    Weights are `gap / (gap + scale)`, which is exact arithmetic and correct for uneven gaps.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.numbers: Floats32 = self.column("numbers", (NUMBERS,), np.float32, np.nan)

    def add(
        self, rows: Rows, since: Floats, value: Floats, faults: Floats, swap: Floats, limit: Floats
    ) -> Floats32:
        """Take one sample per row; return its numbers, shape `(B, NUMBERS)`.

        Parameters
        ----------
        since
            Time since the sample before, in seconds.
        value, swap, limit
            Memory, the swapped part of it, and the limit, in bytes.
        faults
            Page faults per second; NaN where unknown.
        """
        old = self.numbers.take(rows, axis=0).T.astype(np.float64, order="C")
        new = np.isnan(old[_VALUE])
        if new.any():
            old[:, new] = 0.0
            old[_MEAN, new] = old[_VALUE, new] = value[new]
            old[_SWAP, new] = swap[new]
        gap = np.where(new, 1.0, np.maximum(since, LEAST_GAP))
        share = gap / (gap + _TAU)
        out = np.empty_like(old)
        rate = (value - old[_VALUE]) / gap
        self._flows(old, out, share, rate, value)
        self._falls(old, out, share[DAY], value, limit)
        self._faults(old, out, share[HOURS], np.maximum(rate, 0.0), faults)
        out[_VALUE], out[_SWAP] = value, swap
        swapped = (swap - old[_SWAP]) / gap
        out[_SWAP_RATE] = old[_SWAP_RATE] + share[HOURS] * (swapped - old[_SWAP_RATE])
        self.numbers[rows] = kept = out.T.astype(np.float32, order="C")
        return kept

    # Each number is a line of shape `(B,)` here; operations on lines are much faster than on columns.
    @staticmethod
    def _flows(old: Floats, out: Floats, share: Floats, rate: Floats, value: Floats) -> None:
        up, down, mean = old[_UP], old[_DOWN], old[_MEAN]
        out[_UP] = up + share * (np.maximum(rate, 0.0) - up)
        out[_DOWN] = down + share * (np.maximum(-rate, 0.0) - down)
        off, before = value - mean, old[_VALUE] - mean
        out[_MEAN] = mean + share * off
        out[_VARIANCE] = (1.0 - share) * (old[_VARIANCE] + share * off * off)
        out[_NEXT] = (1.0 - share) * (old[_NEXT] + share * off * before)

    @staticmethod
    def _falls(old: Floats, out: Floats, share: Floats, value: Floats, limit: Floats) -> None:
        spread = np.sqrt(np.maximum(old[_VARIANCE][HOURS], 0.0))
        fell = old[_VALUE] - value > np.maximum(LEAST_FALL * limit, CLEAR_FALL * spread)
        off = fell - old[_FALLS]
        out[_FALLS] = old[_FALLS] + share * off
        # The level before the fall, because that level made the collector run.
        level = np.where(fell, old[_VALUE], value) - old[_MEAN][DAY]
        out[_FALL_LEVEL] = (1.0 - share) * (old[_FALL_LEVEL] + share * off * level)

    @staticmethod
    def _faults(old: Floats, out: Floats, share: Floats, taken: Floats, faults: Floats) -> None:
        known = np.isfinite(faults)
        share = np.where(known, share, 0.0)
        off = np.where(known, faults, 0.0) - old[_FAULTS]
        more = taken - old[_UP][HOURS]
        out[_FAULTS] = old[_FAULTS] + share * off
        for place, product in (
            (_FAULT_VARIANCE, off * off),
            (_TAKEN_VARIANCE, more * more),
            (_FAULT_TAKEN, off * more),
        ):
            out[place] = (1.0 - share) * (old[place] + share * product)


def read(numbers: Floats32) -> list[FlowFeatures]:
    """Return the features of rows of numbers, shape `(n, NUMBERS)`."""
    n = numbers.T.astype(np.float64, order="C")
    variance = n[_VARIANCE]
    falls = n[_FALLS]
    spread = np.sqrt(np.maximum(falls * (1.0 - falls) * variance[DAY], 0.0))
    faulted = np.sqrt(np.maximum(n[_FAULT_VARIANCE] * n[_TAKEN_VARIANCE], 0.0))
    columns = (  # in the order of the fields
        n[_UP] - n[_DOWN],
        n[_UP],
        n[_DOWN],
        np.sqrt(np.maximum(variance, 0.0)) / np.maximum(n[_MEAN], _TINY),
        np.clip(n[_NEXT] / (variance + _TINY), -1.0, 1.0),
        falls,
        _ratio(n[_FALL_LEVEL], spread),
        _ratio(n[_FAULT_TAKEN], faulted),
        n[_SWAP],
        n[_SWAP_RATE],
    )
    return list(map(FlowFeatures, *(column.T.tolist() for column in columns)))


def _ratio(covariance: Floats, spread: Floats) -> Floats:
    there = spread > _TINY
    ratio: Floats = np.where(there, np.clip(covariance / np.where(there, spread, 1.0), -1.0, 1.0), 0.0)
    return ratio
