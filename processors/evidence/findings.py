"""The findings of the trend: the evidence of each sample, built on the verdict."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Floats32
from processors.evidence import confidence, forecast, signature
from processors.evidence.confidence import Seen
from processors.evidence.envelope import lost, quality
from processors.evidence.judge import Case, Verdict, judge
from processors.evidence.samples import Moment
from processors.evidence.trend import FIT

SUSPECTED = 0.1
"""Confidence from which a significant growth is suspected; sinks ignore a lower one."""
_LATEST = 9e10  # unix seconds; times in records end soon after
_DOUBT = -0.1  # margin below which a growth does not get the name of a leak


@dataclass(frozen=True)
class TrendFindings:
    """Evidence per sample, shape `(B,)`; bytes, seconds, unix seconds.

    Where nothing grows, numbers are 0 and times are NaN, unless said otherwise.

    Parameters
    ----------
    growth, growth_low, growth_high
        Slope of the leading stretch with its 80 % interval.
    window, end, rise, strength
        Length of that stretch, its end, its rise, and the share of the movement that the line explains.
    normal_rise
        What the service is known to gain and give back: at the scale of that stretch, or at the finest.
    eta, eta_low, eta_high
        Forecast of the time at the limit (p50, p10, p90); NaN where growth is not significant.
    kind
        Codes of `signature.KINDS`.
    confidence, margin
        How sure the verdict is; `margin` is -inf where nothing grows.
    onset, onset_low, onset_high
        Beginning of the growth with its bounds.
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
        What the criteria looked at, with the leading fit of each sample; zeros where nothing grows.
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


# The numbers of a sample where nothing grows; those of `Seen` are 0 there.
_QUIET = {
    **dict.fromkeys(("growth", "growth_low", "growth_high", "window", "end", "rise", "strength"), 0.0),
    **dict.fromkeys(("eta", "eta_low", "eta_high", "onset", "onset_low", "onset_high", "period"), np.nan),
    "confidence": 0.0,
    "margin": -np.inf,
}
_SEEN = [field.name for field in fields(Seen) if field.name != "fits"]
_QUIET_COLUMN = np.array([*_QUIET.values(), *(0.0 for _ in _SEEN)])[:, None]


def quiet(normal: Floats) -> dict[str, Any]:
    """Return the fields of findings that say what grows, for samples of which none grows.

    Parameters
    ----------
    normal
        What the service of each gains and gives back at the finest scale, in bytes, shape `(B,)`.
    """
    size = len(normal)
    columns = np.empty((len(_QUIET_COLUMN), size))
    columns[:] = _QUIET_COLUMN
    numbers: dict[str, Any] = dict(zip(_QUIET, columns, strict=False))
    return numbers | {
        "normal_rise": normal.copy(),
        "kind": np.full(size, signature.CODE["stable"]),
        "significant": np.zeros(size, np.bool_),
        "suspected": np.zeros(size, np.bool_),
        "seen": Seen(np.zeros(size, FIT), *columns[len(_QUIET) :]),
    }


def put_growths(case: Case, fields: dict[str, Any]) -> None:
    """Judge the samples that may grow; put what grows into the fields of all."""
    verdict = judge(case)
    some = np.flatnonzero(np.isfinite(verdict.margin))
    at, seen = case.at.take(some), verdict.seen.only(some)
    for name, values in _grown(case.only(some), verdict.only(some)).items():
        fields[name].put(at, values)
    for name in Seen.__dataclass_fields__:
        getattr(fields["seen"], name).put(at, getattr(seen, name))


def findings(moment: Moment, history: Floats, fields: dict[str, Any], learns: Flags) -> TrendFindings:
    """Return the findings of a batch.

    Parameters
    ----------
    moment
        The state of the instances at each sample.
    history
        For how long the service of each sample has been known, in seconds.
    fields
        The fields that say what grows.
    learns
        Where models may learn.
    """
    return TrendFindings(
        **fields,
        restarted=moment.restarted,
        learns=learns,
        history=history,
        gap=moment.gap,
        lost=lost(moment.missing),
        uneven=moment.uneven,
        flows=moment.flows,
        baseline=moment.baseline,
    )


def _grown(case: Case, verdict: Verdict) -> dict[str, NDArray[Any]]:
    """Return the fields of samples that all grow."""
    samples, moment, leading = case.samples, case.moment, verdict.seen.fits
    shapes = signature.main(case.shapes)
    newest = moment.anchor + leading["last"]
    left = samples.memory + samples.left - leading["level"]
    eta, eta_low, eta_high = (
        np.where(verdict.significant, np.clip(newest + time, samples.time, _LATEST), np.nan)
        for time in forecast.reach(leading, shapes, left, samples.limit)
    )
    onset = moment.anchor + verdict.began
    slack = leading["window"] / np.maximum(leading["points"], 1.0)
    sure = confidence.confidence(verdict.margin, leading, quality(moment.uneven))
    return {
        "growth": leading["slope"],
        "growth_low": verdict.growth_low,
        "growth_high": verdict.growth_high,
        "window": leading["window"],
        "end": newest,
        "rise": leading["rise"],
        "strength": leading["r2"],
        "normal_rise": verdict.seen.normal,
        "eta": eta,
        "eta_low": eta_low,
        "eta_high": eta_high,
        "kind": _kind(shapes, verdict),
        "confidence": sure,
        "onset": onset,
        "onset_low": onset - slack,
        "onset_high": np.minimum(onset + slack, samples.time),
        "significant": verdict.significant,
        "suspected": verdict.significant & (sure >= SUSPECTED),
        "margin": verdict.margin,
        "period": np.where(shapes["period"] > 0, shapes["period"], np.nan),
    }


def _kind(shapes: NDArray[Any], verdict: Verdict) -> NDArray[np.int8]:
    leak = np.where(shapes["body"] > 0, shapes["kind"], signature.CODE["linear"])
    kind: NDArray[np.int8] = leak.astype(np.int8)
    doubted = np.flatnonzero(verdict.margin < _DOUBT)
    kind[doubted] = signature.benign(verdict.seen.only(doubted))
    return kind
