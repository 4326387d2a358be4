"""What a batch found: from the fits of its rows and what is normal to the evidence of every sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Floats32, Rows
from processors.evidence import confidence, forecast, season, signature
from processors.evidence.baseline import BASELINE
from processors.evidence.confidence import Seen
from processors.evidence.envelope import LEVELS
from processors.evidence.features import NUMBERS
from processors.evidence.limits import Held
from processors.evidence.saturation import plateau
from processors.evidence.trend import FIT, Fits

LEAST_RISE = 0.004  # of the limit; below it no stretch is looked at
_LEAST_R2 = 0.2
_LEAST_SPACE = 0.05  # of the limit: who began with less room is held to this
_ALIKE, _LESS_STRAIGHT = 1.15, 0.02  # by which slope and R^2 of two stretches of one growth may differ
_LATEST = 9e10  # unix seconds: the records' times end soon after
_DOUBT = -0.1  # margin below which a growth is not named after a leak


@dataclass(frozen=True)
class Samples:
    """One snapshot each, shape `(B,)`, in the order of the input; sizes in bytes (`processors.memory`).

    Parameters
    ----------
    time
        Unix seconds.
    memory
        What a leak grows.
    limit, used
        The limit that applies, and what counts against it.
    left
        What can still be had before a limit is reached.
    restarted, timed
        Whether its start time says that the run is new, and whether it has one.
    load, faults
        Processor seconds per second and page faults per second; NaN where unknown.
    swap
        How much of the memory is swapped out; NaN where unknown.
    """

    time: Floats
    memory: Floats
    limit: Floats
    used: Floats
    left: Floats
    restarted: Flags
    timed: Flags
    load: Floats | None = None
    faults: Floats | None = None
    swap: Floats | None = None

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Findings:
    """Evidence per sample, shape `(B,)`; bytes, seconds, unix seconds.

    The trend's stretch is `window` long and ends at `end`. `eta`, `eta_low`, `eta_high` (p50, p10, p90) are
    NaN where there is no forecast, `onset` and its bounds NaN where nothing grows. `kind` holds codes of
    `signature.KINDS`. `seen` is what the verdict was built on, one leading fit per sample, for `reasons`;
    `period` the seconds of one cycle of its swing (NaN without one). `learns` says whether learned models may
    take the sample (suspicion.py). `history` is how long the service has been known, `gap` the typical one
    between samples, `lost` and `uneven` are shares (envelope.py). `flows` are numbers for `features.read`,
    shape `(B, NUMBERS)`; `baseline` is begin, end and mean (baseline.py).
    """

    growth: Floats
    growth_low: Floats
    growth_high: Floats
    window: Floats
    end: Floats
    rise: Floats
    strength: Floats
    normal_rise: Floats
    eta: Floats
    eta_low: Floats
    eta_high: Floats
    kind: NDArray[np.int8]
    confidence: Floats
    onset: Floats
    onset_low: Floats
    onset_high: Floats
    significant: Flags
    restarted: Flags
    margin: Floats
    period: Floats
    learns: Flags
    history: Floats
    gap: Floats
    lost: Floats
    uneven: Floats
    flows: Floats32
    baseline: Floats
    seen: Seen

    def __len__(self) -> int:
        return len(self.growth)


class Moment:
    """What each sample of a batch found in its own row, before the services are asked."""

    def __init__(self, size: int) -> None:
        self.fits = np.zeros((size, LEVELS), FIT)
        self.shapes = np.zeros((size, LEVELS), signature.SHAPE)
        self.height = np.zeros((size, LEVELS))
        self.scale = np.zeros(size, np.intp)
        self.anchor = np.zeros(size)
        self.before = np.full((size, 2), -np.inf)
        self.quality = np.ones(size)
        self.gap = np.zeros(size)
        self.lost = np.zeros(size)
        self.uneven = np.zeros(size)
        self.flows = np.full((size, NUMBERS), np.nan, np.float32)
        self.baseline = np.full((size, BASELINE), np.nan)
        self.restarted = np.zeros(size, np.bool_)
        self.taken = np.zeros(size, np.bool_)
        self.limit_before = np.full(size, np.nan)
        self.limit_raised = np.full(size, -np.inf)

    def hold(self, at: Rows, held: Held) -> None:
        """Note the limits before they were raised."""
        self.limit_before[at], self.limit_raised[at] = held.before, held.raised


def judge(samples: Samples, moment: Moment, normal: Floats, history: Floats) -> Findings:
    """Judge each sample by the level whose growth is clearest.

    Parameters
    ----------
    samples, moment
        The batch, and what its rows found.
    normal
        What the services give back, shape `(B, LEVELS)`.
    history
        Seconds that each sample's service has been known.
    """
    memory = np.where(moment.taken, samples.memory, 0.0)
    fits = moment.fits
    limit = _limits(samples, moment)
    start = fits["level"] - fits["rise"]
    reached = memory[:, None] + np.maximum(limit - np.where(moment.taken, samples.used, 0.0)[:, None], 0.0)
    space = np.maximum(reached - start, _LEAST_SPACE * limit)
    stands = memory[:, None] > fits["level"] - 0.5 * fits["rise"]
    worth = stands & (fits["rise"] > LEAST_RISE * limit) & (fits["r2"] > _LEAST_R2)
    began = _began(fits, worth)
    with np.errstate(divide="ignore", invalid="ignore"):
        remaining = np.maximum(reached - fits["level"], 0.0) / fits["slope"]
    seen = Seen(
        fits,
        limit,
        fits["last"] - began,
        remaining,
        normal,
        np.broadcast_to(history[:, None], fits.shape),
        fits["rise"] / space,
        (plateau(fits) - start) / space,
        season.above(fits["level"], fits["rise"], fits["window"], moment.before[:, None, :]),
    )
    at = np.nonzero(worth)
    margins = np.full(fits.shape, -np.inf)
    margins[at] = confidence.margin(seen.only(at))
    leading = np.argmax(np.where(worth, margins, -np.inf), axis=1)
    each = np.arange(len(memory))
    return _findings(
        moment, samples, seen.only((each, leading)), margins[each, leading], began[each, leading]
    )


def _began(fits: Fits, worth: Flags) -> Floats:
    """Give when each fit's growth began, seconds after the anchor: by the earliest stretch like it.

    A ring holds 64 points, so a fine level has forgotten the beginning of a growth that a coarse one knows.
    """
    slope, r2 = fits["slope"].astype(np.float64), fits["r2"]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = slope[:, None, :] / slope[:, :, None]
    alike = (ratio > 1.0 / _ALIKE) & (ratio < _ALIKE) & (r2[:, None, :] > r2[:, :, None] - _LESS_STRAIGHT)
    onset = np.where(alike & worth[:, None, :], fits["onset"][:, None, :], np.inf)
    began: Floats = np.minimum(np.minimum.reduce(onset, axis=2), fits["onset"]).astype(np.float64)
    return began


def _limits(samples: Samples, moment: Moment) -> Floats:
    """Give the limit that each fit began under, bytes, shape `(B, LEVELS)` (limits.py)."""
    limit = np.where(moment.taken, samples.limit, 1.0)[:, None]
    begun = moment.anchor[:, None] + moment.fits["onset"]
    held: Floats = np.where(begun < moment.limit_raised[:, None], moment.limit_before[:, None], limit)
    return held


def _findings(moment: Moment, samples: Samples, seen: Seen, margin: Floats, began: Floats) -> Findings:
    fits = seen.fits
    grows = np.isfinite(margin)
    shown = np.where(grows, 1.0, 0.0)
    low, high = forecast.growth_interval(fits)
    shapes = signature.main(moment.shapes)
    significant = grows & (low > 0) & (fits["rise"] * fits["r2"] > seen.normal)
    newest = moment.anchor + fits["last"]
    left = samples.memory + samples.left - fits["level"]
    eta, eta_low, eta_high = (
        np.where(significant, np.clip(newest + time, samples.time, _LATEST), np.nan)
        for time in forecast.reach(fits, shapes, left, samples.limit)
    )
    onset = np.where(grows, moment.anchor + began, np.nan)
    slack = fits["window"] / np.maximum(fits["points"], 1.0)
    return Findings(
        growth=shown * fits["slope"],
        growth_low=shown * low,
        growth_high=shown * high,
        window=shown * fits["window"],
        end=newest,
        rise=shown * fits["rise"],
        strength=shown * fits["r2"],
        normal_rise=seen.normal,
        eta=eta,
        eta_low=eta_low,
        eta_high=eta_high,
        kind=_kind(shapes, seen, margin),
        confidence=np.where(grows, confidence.confidence(margin, fits, moment.quality), 0.0),
        onset=onset,
        onset_low=onset - slack,
        onset_high=np.minimum(onset + slack, samples.time),
        significant=significant,
        restarted=moment.restarted,
        margin=margin,
        period=np.where(shapes["period"] > 0, shapes["period"], np.nan),
        learns=np.ones(len(samples), np.bool_),
        history=seen.history,
        gap=moment.gap,
        lost=moment.lost,
        uneven=moment.uneven,
        flows=moment.flows,
        baseline=moment.baseline,
        seen=seen,
    )


def _kind(shapes: NDArray[Any], seen: Seen, margin: Floats) -> NDArray[np.int8]:
    leak = np.where(shapes["body"] > 0, shapes["kind"], signature.CODE["linear"])
    kind = np.where(np.isfinite(margin), leak, signature.CODE["stable"]).astype(np.int8)
    doubted = np.flatnonzero(np.isfinite(margin) & (margin < _DOUBT))
    kind[doubted] = signature.benign(seen.only(doubted))
    return kind
