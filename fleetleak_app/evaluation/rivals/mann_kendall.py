"""The trend test of Mann and Kendall with the slope of Theil and Sen over a day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, Floats
from fleetleak_app.evaluation.rivals.base import DAY, MINUTE, transitions
from fleetleak_app.evaluation.rivals.resample import medians


@dataclass(slots=True)
class MannKendall:
    """A significant rise over 24 h whose median slope reaches the limit within `horizon` seconds.

    Mann-Kendall's test (one-sided, with ties) on 15-min medians, slope by Theil and Sen: the classic of
    software-ageing research, with the horizon that Precog uses. It needs ten medians.

    Do not use it on autocorrelated series, which memory is: it takes wandering for a trend [1]_.

    .. [1] Machida, Andrzejak, Matias, Vicente, "On the effectiveness of Mann-Kendall test for detection of
       software aging", ISSREW 2013.
    """

    NAME: str
    window: float = DAY
    resolution: float = 15 * MINUTE
    alpha: float = 0.01
    horizon: float = 7 * DAY

    def alerts(self, case: Case) -> list[Alert]:
        times, values = medians(case.times, case.fraction, self.resolution)
        begin = np.searchsorted(times, times - self.window, side="right")
        firing = [self._rises(times[b : i + 1], values[b : i + 1]) for i, b in enumerate(begin)]
        return transitions(case.series, times, np.array(firing, dtype=bool))

    def _rises(self, times: Floats, values: Floats) -> bool:
        if len(values) < 10 or significance(values) > self.alpha:
            return False
        left = (1.0 - values[-1]) / max(theil_sen(times, values), 1e-300)
        return bool(left <= self.horizon)


def significance(values: Floats) -> float:
    """Return the one-sided p of Mann-Kendall's test for a rise."""
    n = len(values)
    rises = np.sign(values[None, :] - values[:, None])
    statistic = float(np.triu(rises, 1).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    if variance <= 0:
        return 1.0
    return 1.0 - NormalDist().cdf((statistic - math.copysign(1, statistic)) / math.sqrt(variance))


def theil_sen(times: Floats, values: Floats) -> float:
    """Return the median of the slopes of all pairs, per second."""
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))
