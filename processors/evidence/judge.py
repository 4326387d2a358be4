"""The verdict on each sample: the level with the clearest growth, and how clear that growth is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Rows
from processors.evidence import confidence, forecast, season
from processors.evidence.confidence import LEAST_RISE, Seen
from processors.evidence.samples import Moment, Samples
from processors.evidence.saturation import plateau
from processors.evidence.trend import Fits

_LEAST_R2 = 0.2
_LEAST_FREE = 0.05  # of the limit; a growth that began with less free memory is judged by this
# Two stretches are one growth up to this ratio of slopes and this loss of R^2.
_ALIKE, _LESS_STRAIGHT = 1.15, 0.02


@dataclass(frozen=True)
class Case:
    """What there is to judge, with one entry per sample.

    Parameters
    ----------
    samples, moment
        The samples, and the state of their instances at each.
    fits, shapes
        The fit and the shape of each level, shape `(B, LEVELS)`.
    normal
        What the services gain and give back, in bytes, shape `(B, LEVELS)`.
    history
        Seconds for which the service of each sample has been known.
    """

    samples: Samples
    moment: Moment
    fits: Fits
    shapes: NDArray[Any]
    normal: Floats
    history: Floats

    def only(self, at: Rows) -> Case:
        """Return the samples at `at`."""
        per_sample = self.fits, self.shapes, self.normal, self.history
        return Case(
            self.samples.only(at), self.moment.only(at), *(column.take(at, axis=0) for column in per_sample)
        )


@dataclass(frozen=True)
class Verdict:
    """The clearest growth of each sample, shape `(B,)`.

    Parameters
    ----------
    seen
        The leading fit, and what the criteria look at.
    margin
        How clearly it is a leak; -inf where nothing grows.
    began
        Seconds from the anchor of the envelope to the beginning of the growth.
    growth_low, growth_high
        80 % interval of the slope, in bytes per second.
    significant
        Where the growth is more than chance, and more than is normal for the service.
    """

    seen: Seen
    margin: Floats
    began: Floats
    growth_low: Floats
    growth_high: Floats
    significant: Flags

    @property
    def grows(self) -> Flags:
        """Where there is any growth to judge."""
        grows: Flags = np.isfinite(self.margin)
        return grows


def growing(case: Case) -> Rows:
    """Return the samples with any growth to judge: most have none."""
    some = np.flatnonzero(np.logical_or.reduce(case.fits["r2"] > _LEAST_R2, axis=1))
    return some[np.logical_or.reduce(_worth(case.only(some)), axis=1)] if len(some) else some


def judge(case: Case) -> Verdict:
    """Judge each sample by the level with the clearest growth."""
    fits, memory, limit = case.fits, _memory(case), _limits(case)
    start = fits["level"] - fits["rise"]
    used = np.where(case.moment.taken, case.samples.used, 0.0)
    reached = memory[:, None] + np.maximum(limit - used[:, None], 0.0)
    free = np.maximum(reached - start, _LEAST_FREE * limit)
    worth = _worth(case)
    began = _began(fits, worth)
    with np.errstate(divide="ignore", invalid="ignore"):
        remaining = np.maximum(reached - fits["level"], 0.0) / fits["slope"]
    seen = Seen(
        fits,
        limit,
        fits["last"] - began,
        remaining,
        case.normal,
        np.broadcast_to(case.history[:, None], fits.shape),
        fits["rise"] / free,
        (plateau(fits) - start) / free,
        season.above(fits["level"], fits["rise"], fits["window"], case.moment.before[:, None, :]),
    )
    at = np.nonzero(worth)
    margins = np.full(fits.shape, -np.inf)
    margins[at] = confidence.margin(seen.only(at))
    leading = np.argmax(np.where(worth, margins, -np.inf), axis=1)
    each = np.arange(len(memory))
    return _verdict(seen.only((each, leading)), margins[each, leading], began[each, leading])


def _memory(case: Case) -> Floats:
    return np.where(case.moment.taken, case.samples.memory, 0.0)


def _worth(case: Case) -> Flags:
    """Return which levels, shape `(B, LEVELS)`, have a growth that still stands and is worth a judgement."""
    fits = case.fits
    stands = _memory(case)[:, None] > fits["level"] - 0.5 * fits["rise"]
    worth: Flags = stands & (fits["rise"] > LEAST_RISE * _limits(case)) & (fits["r2"] > _LEAST_R2)
    return worth


def _verdict(seen: Seen, margin: Floats, began: Floats) -> Verdict:
    fits = seen.fits
    low, high = forecast.growth_interval(fits)
    significant = np.isfinite(margin) & (low > 0) & (fits["rise"] * fits["r2"] > seen.normal)
    return Verdict(seen, margin, began, low, high, significant)


def _began(fits: Fits, worth: Flags) -> Floats:
    """Return when the growth of each fit began, in seconds after the anchor: by the earliest similar stretch.

    A ring has 64 points, so a fine level has forgotten the beginning of a growth that a coarse level knows.
    """
    slope, r2 = fits["slope"].astype(np.float64), fits["r2"]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = slope[:, None, :] / slope[:, :, None]
    alike = (ratio > 1.0 / _ALIKE) & (ratio < _ALIKE) & (r2[:, None, :] > r2[:, :, None] - _LESS_STRAIGHT)
    onset = np.where(alike & worth[:, None, :], fits["onset"][:, None, :], np.inf)
    began: Floats = np.minimum(np.minimum.reduce(onset, axis=2), fits["onset"]).astype(np.float64)
    return began


def _limits(case: Case) -> Floats:
    """Return the limit that each fit began under, in bytes, shape `(B, LEVELS)` (limits.py)."""
    moment = case.moment
    limit = np.where(moment.taken, case.samples.limit, 1.0)[:, None]
    begun = moment.anchor[:, None] + case.fits["onset"]
    held: Floats = np.where(begun < moment.limit_raised[:, None], moment.limit_before[:, None], limit)
    return held
