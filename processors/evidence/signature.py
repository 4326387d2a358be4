"""The kind of a growth, by the shape of the stretch that a parabola fits best."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from fleetleak.records.types import Kind
from processors.columns import Flags, Floats, Rows
from processors.evidence.confidence import CLIMBING, HEADING, NEW, NO_STEP, NOT_LOAD, Seen
from processors.evidence.envelope import LENGTH
from processors.evidence.trend import Suffixes, pick

KINDS: tuple[str, ...] = get_args(Kind)
CODE = {kind: np.int8(code) for code, kind in enumerate(KINDS)}
"""Codes of kinds are positions in the `Kind` literal of the score record."""

SHAPE = np.dtype(
    [
        ("kind", "f4"),  # code of the leak shape
        ("body", "f4"),  # rise of the parabola x its R^4: how much this shape is of the whole growth
        ("slope_end", "f4"),  # the parabola's slope at the newest point, bytes per second
        ("bend", "f4"),  # half the change of slope along the stretch / mean slope
        ("span", "f4"),  # seconds from the stretch's first point to the newest
        ("rise", "f4"),  # bytes gained by the parabola in it
        ("spread", "f4"),  # standard deviation about the parabola / rise
        ("period", "f4"),  # seconds of one cycle of its swing; 0 without one
    ]
)
SHORTEST = 8  # points; shorter stretches have no shape

_BENIGN = (
    (CLIMBING, "saturating"),
    (HEADING, "saturating"),
    (NO_STEP, "step"),
    (NOT_LOAD, "load"),
    (NEW, "seasonal"),
)
_ORDER = np.arange(LENGTH)
_POINTS = _ORDER + 1.0
_WAVES = np.arange(2, 11)  # cycles in the stretch that count as a period
_SWINGS = 0.26  # share of the residuals that one wave must explain to be a period
CONCAVE = -0.27  # bend below which a growth slows down like a power of time
# Bends from which a growth is exponential; the second below the spread `_CLEAN`.
_BENT, _BENT_IF_CLEAN = 0.72, 0.5
_CLEAN = 0.04
_LARGEST_STEPS = 0.15  # share of the steps
_JUMPS, _JUMPS_SPREAD = 0.45, 0.025  # share of the way up that these make, and spread, of a noisy staircase
# The share that a wave explains, and how large the spread must be then.
_WAVES_SPREAD = ((0.65, 0.015), (0.33, 0.035), (_SWINGS, 0.05))
_WAVES_SMOOTH = 0.35  # autocorrelation of what a periodic growth leaves
_CONVEX_WAVE, _CONVEX_SPREAD, _CONVEX_SMOOTH = 0.38, 0.045, 0.5  # the same of a growth that bends upwards
# Median step x points / rise below which a growth is a staircase; the second below the bend `_STRAIGHT`.
_FLAT, _FLAT_IF_STRAIGHT = 0.62, 0.72
_STRAIGHT = 0.45
_STEPS_SPREAD = 0.012  # least spread of a staircase
_TINY = 1e-18
_MOST = 0.9  # share of the largest body that a finer level must see to be chosen


def _wave_table() -> Floats:
    phase = 2.0 * np.pi * _WAVES[:, None] * _ORDER / _POINTS[:, None, None]
    inside = _POINTS[:, None, None] > _ORDER
    return np.where(inside[:, None], np.stack([np.cos(phase), np.sin(phase)], axis=1), 0.0)


_TABLE = _wave_table()  # (points - 1, cos or sin, waves, LENGTH)


def shape(s: Suffixes) -> NDArray[Any]:
    """Return the shape of the growth in each ring, `(n,)` of `SHAPE`; all zero where it has none."""
    linear, square, rise, r2, gain = _parabolas(s)
    best = np.argmax(gain, axis=1)
    rising = pick(gain, best) > 0
    b, c, height, explained = (np.where(rising, pick(a, best), 1.0) for a in (linear, square, rise, r2))
    span = np.where(rising, -pick(s.x, best), 1.0)
    inside = best[:, None] >= _ORDER
    y = np.where(inside, s.y / height[:, None], 0.0)
    curve = np.where(inside, (b[:, None] + c[:, None] * s.x) * s.x / height[:, None], 0.0)
    level = np.cumsum(y - curve, axis=1)[:, -1] / (best + 1.0)
    error = np.where(inside, y - curve - level[:, None], 0.0)
    out = np.zeros(len(best), SHAPE)
    out["body"] = height * explained * explained
    out["slope_end"] = b / s.unit
    out["bend"] = bend = c * span * span / height
    out["spread"] = spread = np.sqrt(np.cumsum(error * error, axis=1)[:, -1] / (best + 1.0))
    out["span"], out["rise"] = span * s.unit, height
    flat, jumps, smooth, wave, cycles = _texture(y, error, inside, best)
    out["kind"] = _kind(bend, spread, flat, jumps, smooth, wave)
    out["period"] = np.where((wave > _SWINGS) & (smooth > 0), out["span"] / cycles, 0.0)
    out[~rising] = 0
    return out


def _parabolas(s: Suffixes) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return least squares of y on x and x^2 over every suffix: coefficients, rise, R^2, gain (trend.fit)."""
    z = s.x * s.x
    sz = np.cumsum(z, axis=1)
    czz = np.cumsum(z * z, axis=1) - sz * sz / _POINTS
    cxz = np.cumsum(s.x * z, axis=1) - s.sx * sz / _POINTS
    czy = np.cumsum(z * s.y, axis=1) - sz * s.sy / _POINTS
    with np.errstate(divide="ignore", invalid="ignore"):
        det = s.cxx * czz - cxz * cxz
        linear, square = (s.cxy * czz - czy * cxz) / det, (czy * s.cxx - s.cxy * cxz) / det
        r2 = np.clip((linear * s.cxy + square * czy) / (s.cyy + _TINY), 0.0, 1.0)
        rise = -s.x * linear - z * square
        gain = rise * r2 * -np.log10(1.001 - r2)
    gain[~s.valid | (_POINTS < SHORTEST) | ~(gain > 0)] = 0.0
    return linear, square, rise, r2, gain


def main(shapes: NDArray[Any]) -> NDArray[Any]:
    """Return, of the levels of each row, `(B, LEVELS)`, the finest that sees most of the growth."""
    body = shapes["body"]
    largest = np.maximum.reduce(body, axis=1)[:, None]
    chosen: NDArray[Any] = shapes[np.arange(len(body)), np.argmax(body >= _MOST * largest, axis=1)]
    return chosen


def benign(seen: Seen) -> NDArray[np.int8]:
    """Return the kind of a growth that is no leak: the criterion that fails most clearly."""
    against = np.stack([criterion.distance(seen) for criterion, _ in _BENIGN])
    worst = np.argmin(against, axis=0)
    codes = np.array([CODE[kind] for _, kind in _BENIGN], np.int8)
    decided = np.minimum.reduce(against, axis=0) < 0
    named: NDArray[np.int8] = np.where(decided, codes[worst], CODE["stable"]).astype(np.int8)
    return named


def _kind(bend: Floats, spread: Floats, flat: Floats, jumps: Floats, smooth: Floats, wave: Floats) -> Floats:
    """Return the kind by the rules of docs/evidence.md; the strongest rule comes last."""
    kind = np.full(len(bend), CODE["linear"], np.float64)
    kind[(jumps > _JUMPS) & (spread > _JUMPS_SPREAD)] = CODE["staircase"]
    waves = np.logical_or.reduce([(wave > share) & (spread > least) for share, least in _WAVES_SPREAD])
    kind[waves & (smooth > _WAVES_SMOOTH)] = CODE["periodic"]
    kind[bend < CONCAVE] = CODE["fragmentation"]
    kind[(bend > _BENT) | (bend > _BENT_IF_CLEAN) & (spread < _CLEAN)] = CODE["exponential"]
    convex_waves = (wave > _CONVEX_WAVE) & (spread > _CONVEX_SPREAD) & (smooth > _CONVEX_SMOOTH)
    kind[convex_waves & (bend > 0.0)] = CODE["periodic"]
    stairs = (flat < _FLAT) | (flat < _FLAT_IF_STRAIGHT) & (np.abs(bend) < _STRAIGHT)
    kind[stairs & (spread > _STEPS_SPREAD)] = CODE["staircase"]
    return kind


def _texture(
    y: Floats, error: Floats, inside: Flags, best: Rows
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return flatness, share of the largest steps, smoothness, strongest wave and its number of cycles."""
    step = np.where(inside[:, 1:], y[:, :-1] - y[:, 1:], 0.0)
    size = np.sort(np.where(inside[:, 1:], np.abs(step), np.inf), axis=1)
    flat = pick(size, best // 2) * (best + 1.0)
    up = np.cumsum(np.sort(np.maximum(step, 0.0), axis=1)[:, ::-1], axis=1)
    largest = np.maximum((_LARGEST_STEPS * best).astype(np.intp), 1) - 1
    jumps = pick(up, largest) / (up[:, -1] + _TINY)
    power = np.cumsum(error * error, axis=1)[:, -1] + _TINY
    smooth = np.cumsum(error[:, 1:] * error[:, :-1], axis=1)[:, -1] / power
    parts = np.cumsum(_TABLE[best] * error[:, None, None, :], axis=3)[:, :, :, -1]
    waves = parts[:, 0] * parts[:, 0] + parts[:, 1] * parts[:, 1]
    wave = np.maximum.reduce(waves, axis=1) * 2.0 / (best + 1.0) / power
    return flat, jumps, smooth, wave, _WAVES[np.argmax(waves, axis=1)].astype(np.float64)
