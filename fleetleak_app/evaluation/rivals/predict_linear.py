"""Prometheus' predict_linear: a line through a window, extrapolated to a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.evaluation.rivals.base import HOUR, MINUTE, Lines, held, transitions


@dataclass(slots=True)
class PredictLinear:
    """`predict_linear(used[window], horizon) >= total` and more than `min_share` in use, for `hold`.

    `window`, `horizon` and `hold` are seconds. kubernetes-mixin's KubePersistentVolumeFillingUp has 6 h, 4 d,
    a floor of use, and 1 h of holding; 1 h and 4 h without a floor, held for 5 min, is the rule of tutorials.

    Do not use it on series with steps or seasons: it fires after deploys and in the morning.
    """

    NAME: str
    window: float
    horizon: float
    min_share: float = 0.0
    hold: float = 15 * MINUTE

    def alerts(self, case: Case) -> list[Alert]:
        lines = Lines(case.times, case.fraction)
        begin = np.searchsorted(case.times, case.times - self.window, side="right")
        fit = lines.fit(begin, np.arange(1, len(case.times) + 1))
        predicted = fit.at(lines.hours + self.horizon / HOUR)  # nan compares false: no line, no alert
        firing = held(case.times, (predicted >= 1.0) & (case.fraction > self.min_share), self.hold)
        return transitions(case.series, case.times, firing)
