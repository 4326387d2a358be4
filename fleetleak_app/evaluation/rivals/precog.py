"""Precog, the published detector for memory leaks of virtual machines, used online."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, Floats
from fleetleak_app.evaluation.rivals.base import DAY, HOUR, MINUTE, Flags, Indices, Lines, transitions
from fleetleak_app.evaluation.rivals.resample import medians, rolling_median

R2 = 0.8
SHORTEST_HOURS = 6.0
CRITICAL_HOURS = 7 * 24.0
LOWEST = 0.4
OUTLYING = 3.5 / 0.6745  # in median absolute deviations: a modified z-score of 3.5


@dataclass(frozen=True, slots=True)
class Trained:
    """What is normal: slopes (per hour) and durations (hours) of past trends, and the least large step."""

    slopes: Floats
    durations: Floats
    large_step: float

    def exceeded_by(self, slope: Floats, duration: Floats) -> Flags:
        """Return which trends are steeper and longer than a trained trend; all of them if there is none."""
        if not len(self.slopes):
            return np.ones(slope.shape, dtype=bool)
        order = np.argsort(self.durations, kind="stable")
        gentlest = np.append(np.inf, np.minimum.accumulate(self.slopes[order]))
        return slope >= gentlest[np.searchsorted(self.durations[order], duration, side="right")]


@dataclass(slots=True)
class Precog:
    """Precog [1]_ with the defaults of its authors' code (v0.3), trained anew every `retrain` seconds.

    5-min medians, smoothed over 1 h; change points are steps with a modified z-score over 3.5, at least 6 h
    apart. A trend from a change point until now is critical when R2 > 0.8, it lasts 6 h or more, reaches
    the limit within 7 d and is steeper and longer than a trend seen in training; training is the history
    until the last retraining. Nothing is reported below 40 % of the limit.

    Simplified: samples are not interpolated (that would look ahead), the filter of maxima is not used.

    Do not use it for a series' first hours, or for a leak like one it was trained on.

    .. [1] Jindal, Staab, Kulkarni, Cardoso, Gerndt, Podolskiy, "Online memory leak detection in the
       cloud-based infrastructures", ICSOC 2020 workshops; code: ansjin/memory_leak_detection.
    """

    NAME: str
    retrain: float = DAY

    def alerts(self, case: Case) -> list[Alert]:
        times, values = medians(case.times, case.fraction, 5 * MINUTE)
        values = rolling_median(times, values, HOUR)
        lines = Lines(times, values)
        firing = np.zeros(len(times), dtype=bool)
        bounds = np.searchsorted(times, np.arange(times[0], times[-1] + self.retrain, self.retrain))
        for begin, end in zip(bounds.tolist(), [*bounds[1:].tolist(), len(times)], strict=True):
            trained = train(lines, values, begin)
            firing[begin:end] = critical(lines, values, trained, np.arange(begin, end))
        return transitions(case.series, times, firing)


def train(lines: Lines, values: Floats, end: int) -> Trained:
    """Return the trends between all change points of the first `end` samples, without those that go on."""
    steps = np.abs(np.diff(values[:end]))
    middle = float(np.median(steps)) if len(steps) else np.inf
    spread = float(np.median(np.abs(steps - middle))) if len(steps) else 0.0
    large_step = middle + OUTLYING * spread
    points = change_points(lines, values, large_step, end)
    begin, until = np.meshgrid(points, points, indexing="ij")
    slopes, durations, found = trends(lines, values, begin, until)
    return Trained(slopes[found], durations[found], large_step)


def change_points(lines: Lines, values: Floats, large_step: float, end: int) -> Indices:
    """Return the indices of the first sample and of large steps before `end`, at least six hours apart."""
    steps = np.flatnonzero(np.abs(np.diff(values[:end])) > large_step) + 1
    points = [0] if end else []
    for step in steps.tolist():
        if lines.hours[step] - lines.hours[points[-1]] >= SHORTEST_HOURS:
            points.append(step)
    return np.array(points, dtype=np.intp)


def trends(lines: Lines, values: Floats, begin: Indices, end: Indices) -> tuple[Floats, Floats, Flags]:
    """Return slope (per hour), duration (hours) and whether the trend is critical, for each window."""
    last = np.maximum(end - 1, 0)
    fit = lines.fit(begin, np.maximum(end, begin))
    duration = lines.hours[last] - lines.hours[begin]
    with np.errstate(divide="ignore", invalid="ignore"):
        exits = (1.0 - values[last]) / fit.slope
        found = (fit.r2 > R2) & (fit.slope > 0) & (duration >= SHORTEST_HOURS) & (exits <= CRITICAL_HOURS)
    return fit.slope, duration, found


def critical(lines: Lines, values: Floats, trained: Trained, now: Indices) -> Flags:
    """Return at which of the samples `now` a trend from an earlier change point is critical."""
    points = change_points(lines, values, trained.large_step, int(now[-1]) + 1) if len(now) else now
    begin, end = np.meshgrid(points, now + 1, indexing="ij")
    slopes, durations, found = trends(lines, values, begin, end)
    alarming = found & (begin < end) & trained.exceeded_by(slopes, durations)
    flags: Flags = alarming.any(axis=0) & (values[now] >= LOWEST)
    return flags
