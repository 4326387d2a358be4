"""The newest stretch of an envelope that a rising line fits best, and the signs against a leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Floats32, Rows
from processors.evidence.envelope import LENGTH

SHORTEST = 5  # points; a line fits any shorter stretch

FIT = np.dtype(
    [
        ("slope", "f4"),  # bytes per second
        ("window", "f4"),  # seconds from the first to the last point of the stretch
        ("rise", "f4"),  # bytes gained by the fitted line in it
        ("r2", "f4"),  # share of the variance that the line explains
        ("points", "f4"),
        ("residual", "f4"),  # standard deviation about the line, bytes
        ("rho", "f4"),  # autocorrelation of the residuals, one point apart
        ("level", "f4"),  # the line's value at the newest point
        ("slope1", "f4"),  # slope between the means of the first and second quarter / `slope`
        ("slope2", "f4"),  # the same between second and third
        ("slope3", "f4"),  # the same between third and fourth
        ("step_r2", "f4"),  # share of the variance that one step at the best place explains
        ("load_r2", "f4"),  # share of the variance that the instance's load explains
        ("drawdown", "f4"),  # largest fall from the highest point so far / `rise`
        ("onset", "f4"),  # time of the first point, seconds since the envelope's anchor
        ("last", "f4"),  # time of the newest point, the same
    ]
)
Fits = NDArray[Any]
_ORDER = np.arange(LENGTH)
_POINTS = _ORDER + 1.0
_TINY = 1e-18
NEWEST = 4  # points of which the highest counts, so that one dip does not hide a rise


@dataclass(frozen=True)
class Suffixes:
    """Sums over the newest 1, 2, ... 64 points of each ring, newest first, shape `(n, LENGTH)`.

    `x` is the time relative to the newest point, in units of `unit` seconds; `y` is relative to the newest
    value.
    """

    x: Floats
    y: Floats
    sx: Floats
    sy: Floats
    cxx: Floats
    cxy: Floats
    cyy: Floats
    valid: Flags
    unit: Floats

    def take(self, rows: Rows) -> Suffixes:
        """Return the sums of these rings."""
        return Suffixes(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def suffixes(low: Floats32, at: Floats32, size: NDArray[np.int16]) -> Suffixes:
    """Return the sums of rings of shape `(n, LENGTH)`, newest first, which have `size` points each."""
    valid = size[:, None] > _ORDER
    y = np.where(valid, low - low[:, :1].astype(np.float64), 0.0)
    back = np.where(valid, at - at[:, :1].astype(np.float64), 0.0)
    unit = np.maximum(-np.minimum.reduce(back, axis=1), 1.0)
    x = back / unit[:, None]
    sx, sy = np.cumsum(x, axis=1), np.cumsum(y, axis=1)
    cxx = np.cumsum(x * x, axis=1) - sx * sx / _POINTS
    cxy = np.cumsum(x * y, axis=1) - sx * sy / _POINTS
    cyy = np.cumsum(y * y, axis=1) - sy * sy / _POINTS
    return Suffixes(x, y, sx, sy, cxx, cxy, cyy, valid, unit)


def pick(a: NDArray[Any], index: Rows) -> NDArray[Any]:
    """Return `a[i, index[i]]` for every row `i`."""
    picked: NDArray[Any] = a[np.arange(len(index)), index]
    return picked


def most(low: Floats32, size: NDArray[np.int16]) -> Floats32:
    """Return the most that a line through each ring can rise: the newest points above the lowest of all.

    This is a cheap test before the fit. A ring that cannot rise above what is usual is not fitted.
    """
    lowest = np.minimum.reduce(np.where(size[:, None] > _ORDER, low, np.inf), axis=1)
    rise: Floats32 = np.maximum.reduce(low[:, :NEWEST], axis=1) - lowest
    return np.where(size >= SHORTEST, rise, np.float32(0.0))


def fit(s: Suffixes, low: Floats32, at: Floats32, load: Floats32) -> Fits:
    """Return a fit of the best newest stretch of each ring, `(n,)` of `FIT`; all zero where nothing rises.

    Notes
    -----
    "Best" has the largest rise x R^2 x -log10(1.001 - R^2). A longer stretch wins by its rise, until it
    includes points off the line. The logarithm excludes the flat points before a clean onset.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = s.cxy / s.cxx
        r2 = np.clip(s.cxy * s.cxy / (s.cxx * s.cyy + _TINY), 0.0, 1.0)
        gain = -s.x * slope * r2 * -np.log10(1.001 - r2)
    gain[~s.valid | (_POINTS < SHORTEST) | ~(slope > 0)] = 0.0
    best = np.argmax(gain, axis=1)
    fits = np.zeros(len(best), FIT)
    rising = np.flatnonzero(pick(gain, best) > 0)
    if len(rising):
        fits[rising] = _describe(s.take(rising), best[rising], at[rising], low[rising, 0])
        fits["load_r2"][rising] = _load(s.y[rising], load[rising], best[rising])
        fits["slope"][rising] = pick(slope[rising], best[rising]) / s.unit[rising]
    return fits


def _describe(s: Suffixes, best: Rows, at: Floats32, newest: Floats32) -> Fits:
    out = np.zeros(len(best), FIT)
    points = best + 1.0
    sxx, sxy, syy = (pick(c, best) for c in (s.cxx, s.cxy, s.cyy))
    slope = sxy / sxx
    level = (pick(s.sy, best) - slope * pick(s.sx, best)) / points
    span = -pick(s.x, best)
    inside = best[:, None] >= _ORDER
    out["window"] = span * s.unit
    out["rise"] = rise = slope * span
    out["r2"] = sxy * sxy / (sxx * syy + _TINY)
    out["points"] = points
    out["level"] = newest + level
    error = np.where(inside, s.y - level[:, None] - slope[:, None] * s.x, 0.0)
    total = np.cumsum(error * error, axis=1)[:, -1]
    out["residual"] = np.sqrt(total / np.maximum(points - 2.0, 1.0))
    out["rho"] = np.cumsum(error[:, 1:] * error[:, :-1], axis=1)[:, -1] / (total + _TINY)
    for name, value in zip(("slope3", "slope2", "slope1"), _quarter_slopes(s, best), strict=True):
        out[name] = value / slope
    out["step_r2"] = _step(s, best, syy)
    out["drawdown"] = _drawdown(s.y, inside) / rise
    out["onset"], out["last"] = pick(at, best), at[:, 0]
    return out


def _quarter_slopes(s: Suffixes, best: Rows) -> list[Floats]:
    """Return the slopes between the means of neighbouring quarters of the points, newest pair first."""
    points = best + 1.0
    cuts = [np.maximum((points * share).astype(np.intp), 1) - 1 for share in (0.25, 0.5, 0.75)] + [best]
    ends = [np.zeros(len(best)), *(cut + 1.0 for cut in cuts)]
    sums = [[np.zeros(len(best)), *(pick(total, cut) for cut in cuts)] for total in (s.sx, s.sy)]
    counts = np.maximum(np.diff(ends, axis=0), 1.0)
    x, y = (np.diff(total, axis=0) / counts for total in sums)
    return [(y[i] - y[i + 1]) / (x[i] - x[i + 1]) for i in range(3)]


def _step(s: Suffixes, best: Rows, syy: Floats) -> Floats:
    points, total = best[:, None] + 1.0, pick(s.sy, best)[:, None]
    rest = np.maximum(points - _POINTS, 1.0)
    between = s.sy * s.sy / _POINTS + (total - s.sy) ** 2 / rest - total * total / points
    explained: Floats = np.maximum.reduce(np.where(points > _POINTS, between, 0.0), axis=1) / (syy + _TINY)
    return explained


def _load(y: Floats, load: Floats32, best: Rows) -> Floats:
    inside, points = best[:, None] >= _ORDER, best + 1.0
    u, v = np.where(inside, load, 0.0), np.where(inside, y, 0.0)
    su, sv, suu, svv, suv = (np.cumsum(a, axis=1)[:, -1] for a in (u, v, u * u, v * v, u * v))
    cuu, cvv, cuv = suu - su * su / points, svv - sv * sv / points, suv - su * sv / points
    follows = (cuv > 0) & (cuu > _TINY * suu)
    explained: Floats = np.where(follows, cuv * cuv / (cuu * cvv + _TINY), 0.0)
    return np.minimum(explained, 1.0)


def _drawdown(y: Floats, inside: Flags) -> Floats:
    lowest = np.minimum.reduce(y, axis=1)[:, None]
    shown = np.where(inside, y, lowest)[:, ::-1]
    peak = np.maximum.accumulate(shown, axis=1)
    fall: Floats = np.maximum.reduce(np.where(inside[:, ::-1], peak - shown, 0.0), axis=1)
    return fall
