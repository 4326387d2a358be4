"""The verdict on each sample: the level with the clearest growth, and how clear that growth is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Floats32, Rows
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
    """The samples of a batch that may grow, with one entry for each.

    Parameters
    ----------
    at
        Their places in the batch.
    samples, moment
        The samples, and the state of their instances at each.
    fits, shapes
        The fit and the shape of each level, shape `(n, LEVELS)`.
    normal
        What the services gain and give back, in bytes, shape `(n, LEVELS)`.
    history
        Seconds for which the service of each sample has been known.
    """

    at: Rows
    samples: Samples
    moment: Moment
    fits: Fits
    shapes: NDArray[Any]
    normal: Floats
    history: Floats

    def only(self, some: Rows) -> Case:
        """Return some of the samples."""
        return Case(
            self.at.take(some),
            self.samples.only(some),
            self.moment.only(some),
            self.fits.take(some, axis=0),
            self.shapes.take(some, axis=0),
            self.normal.take(some, axis=0),
            self.history.take(some),
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

    def only(self, some: Rows) -> Verdict:
        """Return the verdict on some of the samples."""
        _, *columns = (getattr(self, name) for name in self.__dataclass_fields__)
        return Verdict(self.seen.only(some), *(column.take(some) for column in columns))


def may_grow(r2: Floats32) -> Rows:
    """Return the samples to judge, from the R^2 of their levels, shape `(B, LEVELS)`."""
    return np.flatnonzero(np.logical_or.reduce(r2 > _LEAST_R2, axis=1))


def judge(case: Case) -> Verdict:
    """Judge each sample by the level with the clearest growth."""
    samples, moment, fits, limit = case.samples, case.moment, case.fits, _limits(case)
    memory, used = np.where(moment.taken, [samples.memory, samples.used], 0.0)[:, :, None]
    stands = memory > fits["level"] - 0.5 * fits["rise"]
    worth = stands & (fits["rise"] > LEAST_RISE * limit) & (fits["r2"] > _LEAST_R2)
    began = _began(fits, worth)
    start = fits["level"] - fits["rise"]
    reached = memory + np.maximum(limit - used, 0.0)
    free = np.maximum(reached - start, _LEAST_FREE * limit)
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
        season.above(fits["level"], fits["rise"], fits["window"], moment.before[:, None, :]),
    )
    at = np.nonzero(worth)
    margins = np.full(fits.shape, -np.inf)
    margins[at] = confidence.margin(seen.only(at))
    leading = np.argmax(np.where(worth, margins, -np.inf), axis=1)
    each = np.arange(len(fits))
    return _verdict(seen.only((each, leading)), margins[each, leading], began[each, leading])


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
