"""The protocol of a rival, and what several rivals use: Prometheus' `for`, transitions, fitted lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, Floats

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Rival(Protocol):
    """A detector that reads one series; an alert may use no sample newer than its `time`."""

    NAME: str

    def alerts(self, case: Case) -> list[Alert]:
        """Return the transitions of one series, in order of time."""
        ...


def held(times: Floats, condition: Flags, seconds: float) -> Flags:
    """Return where a condition has been true without a break for at least `seconds`: Prometheus' `for`."""
    begins = condition & ~np.append(False, condition[:-1])
    since = np.maximum.accumulate(np.where(begins, times, -np.inf))
    return condition & (times - since >= seconds)


def transitions(series: str, times: Floats, firing: Flags) -> list[Alert]:
    """Return one transition for each change of `firing`, which has shape `(n,)` like `times`."""
    changed = np.flatnonzero(firing != np.append(False, firing[:-1]))
    return [
        Alert(series=series, time=float(times[i]), state="firing" if firing[i] else "resolved")
        for i in changed.tolist()
    ]


@dataclass(frozen=True, slots=True)
class Fit:
    """Least-squares lines: slope per hour, the centre of the line, and R2; NaN where there is no line."""

    slope: Floats
    centre_hours: Floats
    centre_value: Floats
    r2: Floats

    def at(self, hours: Floats) -> Floats:
        """Return the values of the lines at a time, in hours since the first sample of the series."""
        return self.centre_value + self.slope * (hours - self.centre_hours)


class Lines:
    """Fits least-squares lines to windows of a series, each in constant time, from running sums."""

    def __init__(self, times: Floats, values: Floats) -> None:
        self.hours = (times - times[0]) / HOUR
        # From the first value on: sums of squares of nearly equal numbers would lose the variance.
        self._offset = float(values[0])
        x, y = self.hours, values - self._offset
        self._sums = np.zeros((5, len(x) + 1))
        np.cumsum([x, y, x * x, x * y, y * y], axis=1, out=self._sums[:, 1:])

    def fit(self, begin: Indices, end: Indices) -> Fit:
        """Return the fit of samples `begin` to `end` (excluded); both broadcast together."""
        count = np.asarray(end - begin, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (self._sums[:, end] - self._sums[:, begin]) / count
            x, y, xx, xy, yy = mean
            spread_x, spread_xy, spread_y = xx - x * x, xy - x * y, yy - y * y
            slope = np.where((count > 1) & (spread_x > 1e-12), spread_xy / spread_x, np.nan)
            r2 = np.where(spread_y > 1e-15, slope * spread_xy / spread_y, np.nan)
        return Fit(slope, x, y + self._offset, r2)
