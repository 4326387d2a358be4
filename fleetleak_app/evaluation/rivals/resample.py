"""Samples in bins, without looking ahead."""

from __future__ import annotations

import numpy as np

from fleetleak_app.evaluation.cases import Floats


def medians(times: Floats, values: Floats, resolution: float) -> tuple[Floats, Floats]:
    """Return the median of each bin of `resolution` seconds with samples, at the time of its newest sample.

    Bins begin at multiples of `resolution` in unix time. A series sampled less often is returned as it is.
    """
    bins = np.floor(times / resolution)
    starts = np.flatnonzero(np.append(True, bins[1:] != bins[:-1]))
    ends = np.append(starts[1:], len(times))
    if len(starts) == len(times):
        return times, values
    found = [float(np.median(values[begin:end])) for begin, end in zip(starts, ends, strict=True)]
    return times[ends - 1], np.array(found)


def rolling_median(times: Floats, values: Floats, window: float) -> Floats:
    """Return the median of the samples of the last `window` seconds, for each sample."""
    begin = np.searchsorted(times, times - window, side="right")
    found = [float(np.median(values[b : i + 1])) for i, b in enumerate(begin.tolist())]
    return np.array(found)
