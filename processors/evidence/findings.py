"""The findings of the trend: the evidence of each sample, built on the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Floats32
from processors.evidence import confidence, forecast, signature
from processors.evidence.confidence import Seen
from processors.evidence.judge import Verdict
from processors.evidence.samples import Moment, Samples

SUSPECTED = 0.1
"""Confidence from which a significant growth is suspected; sinks ignore a lower one."""
_LATEST = 9e10  # unix seconds; times in records end soon after
_DOUBT = -0.1  # margin below which a growth does not get the name of a leak


@dataclass(frozen=True)
class TrendFindings:
    """Evidence per sample, shape `(B,)`; bytes, seconds, unix seconds.

    Parameters
    ----------
    growth, growth_low, growth_high
        Slope of the leading stretch with its 80 % interval; 0 where nothing grows.
    window, end, rise, strength
        Length of that stretch, its end, its rise, and the share of the movement that the line explains.
    normal_rise
        What the service is known to gain and give back.
    eta, eta_low, eta_high
        Forecast of the time at the limit (p50, p10, p90); NaN where growth is not significant.
    kind
        Codes of `signature.KINDS`.
    confidence, margin
        How sure the verdict is; `margin` is -inf where nothing grows.
    onset, onset_low, onset_high
        Beginning of the growth with its bounds; NaN where nothing grows.
    significant
        Where the growth is more than chance and more than is normal.
    suspected
        Where it is also a leak with a confidence of at least `SUSPECTED`.
    restarted
        Where a new run begins.
    period
        One cycle of a swing on top of the growth; NaN without one.
    learns
        Where the models of services may learn (learning_pause.py).
    history
        How long the service has been known.
    gap, lost, uneven
        Typical gap between samples; shares of lost samples and of unevenness (envelope.py).
    flows
        Numbers for `features.read`, shape `(B, NUMBERS)`.
    baseline
        Begin, end and mean of the baseline, shape `(B, BASELINE)` (baseline.py).
    seen
        What the criteria looked at, with the leading fit of each sample.
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
    suspected: Flags
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


def findings(samples: Samples, moment: Moment, verdict: Verdict, learns: Flags) -> TrendFindings:
    """Return the findings of a batch from the verdict on it."""
    seen, significant, grows = verdict.seen, verdict.significant, verdict.grows
    fits, shown = seen.fits, np.where(grows, 1.0, 0.0)
    shapes = signature.main(moment.shapes)
    newest = moment.anchor + fits["last"]
    left = samples.memory + samples.left - fits["level"]
    eta, eta_low, eta_high = (
        np.where(significant, np.clip(newest + time, samples.time, _LATEST), np.nan)
        for time in forecast.reach(fits, shapes, left, samples.limit)
    )
    onset = np.where(grows, moment.anchor + verdict.began, np.nan)
    slack = fits["window"] / np.maximum(fits["points"], 1.0)
    sure = np.where(grows, confidence.confidence(verdict.margin, fits, moment.quality), 0.0)
    return TrendFindings(
        growth=shown * fits["slope"],
        growth_low=shown * verdict.growth_low,
        growth_high=shown * verdict.growth_high,
        window=shown * fits["window"],
        end=newest,
        rise=shown * fits["rise"],
        strength=shown * fits["r2"],
        normal_rise=seen.normal,
        eta=eta,
        eta_low=eta_low,
        eta_high=eta_high,
        kind=_kind(shapes, seen, verdict.margin),
        confidence=sure,
        onset=onset,
        onset_low=onset - slack,
        onset_high=np.minimum(onset + slack, samples.time),
        significant=significant,
        suspected=significant & (sure >= SUSPECTED),
        restarted=moment.restarted,
        margin=verdict.margin,
        period=np.where(shapes["period"] > 0, shapes["period"], np.nan),
        learns=learns,
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
