"""The evidence of every sample of a batch, from the verdict on it."""

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
"""Confidence from which a significant growth is suspected to be a leak: below it no sink looks."""
_LATEST = 9e10  # unix seconds: the records' times end soon after
_DOUBT = -0.1  # margin below which a growth is not named after a leak


@dataclass(frozen=True)
class TrendFindings:
    """Evidence per sample, shape `(B,)`; bytes, seconds, unix seconds.

    The trend's stretch is `window` long and ends at `end`. `eta`, `eta_low`, `eta_high` (p50, p10, p90) are
    NaN where there is no forecast, `onset` and its bounds NaN where nothing grows. `kind` holds codes of
    `signature.KINDS`. `seen` is what the verdict was built on, one leading fit per sample, for `reasons`;
    `period` the seconds of one cycle of its swing (NaN without one). `learns` is whether learned models may
    take the sample (learning_pause.py). `suspected` is where growth is significant and confidence at least
    `SUSPECTED`. `history` is how long the service has been known, `gap` the typical one
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
    """Return the evidence of a batch on which there is a verdict."""
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
