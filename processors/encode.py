"""From columns of evidence to encoded Score records: the last step of scoring, on the hot path.

A Score is encoded from plain values, not from its struct. At a hundred thousand scores per second the struct
would cost as much as the models. tests/processors/test_scoring.py decodes the result with the record's type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from fleetleak.records import Score, Snapshot
from fleetleak.stream import Record
from processors.batch import Batch, Unmeasured
from processors.columns import Flags, Floats
from processors.evidence.findings import TrendFindings
from processors.evidence.reasons import reasons, turning_point
from processors.evidence.signature import KINDS
from processors.memory import Sizes
from processors.methods.base import AHEAD, MethodFindings, Opinion
from processors.portrait import portray
from processors.siblings import SiblingView

_SCHEMA = str(Score.__struct_config__.tag)
# Share of a growth that a forecaster must expect to continue in order to agree with it.
_AGREES = 0.5
# Share of the time spent waiting for memory from which a score reports it.
_STALLED = 0.01
_TREND = ("growth", "growth_low", "growth_high", "window", "end", "rise", "level", "strength", "normal_rise")
_RISE = _TREND.index("rise")


def rounded(x: Floats, digits: int) -> list[float]:
    """Return a column as floats with so many decimals, which makes records smaller."""
    values: list[float] = np.round(x, digits).tolist()
    return values


def encode(
    batch: Batch, trend: TrendFindings, methods: MethodFindings, views: Mapping[int, SiblingView]
) -> list[bytes]:
    """Return one encoded Score per snapshot of a batch.

    Parameters
    ----------
    views
        The view of the siblings of each suspected snapshot, by place in the batch.
    """
    evidence = _Columns(batch, trend, methods, views)
    scores = []
    for row, one in enumerate(batch.measured):
        score = _head(one.record, one.snapshot, one.stalled)
        evidence.add_to(score, row, one.snapshot, one.sizes)
        scores.append(orjson.dumps(score))
    return scores


def encode_unmeasured(one: Unmeasured) -> bytes:
    """Return the encoded Score of a snapshot that cannot be measured."""
    score = _head(one.record, one.snapshot, one.stalled)
    score["reasons"] = ["neither a limit nor a total is known, so nothing can be said"]
    return orjson.dumps(score)


def _head(record: Record, snapshot: Snapshot, stalled: float) -> dict[str, Any]:
    """Return the fields of a Score that come from its snapshot."""
    score: dict[str, Any] = {
        "schema": _SCHEMA,
        "service": snapshot.service,
        "instance": snapshot.instance,
        "time": snapshot.timestamp,
        "input_partition": record.partition,
        "input_offset": record.offset,
        "scope": snapshot.scope,
    }
    # One by one, not in a loop over names: this is most of what a quiet snapshot costs.
    if snapshot.host is not None:
        score["host"] = snapshot.host
    if snapshot.environment is not None:
        score["environment"] = snapshot.environment
    if snapshot.version is not None:
        score["version"] = snapshot.version
    if snapshot.labels:
        score["labels"] = snapshot.labels
    if snapshot.started is not None:
        score["started"] = snapshot.started
    if snapshot.used is not None:
        score["used"] = snapshot.used
    if snapshot.total is not None:
        score["total"] = snapshot.total
    if snapshot.oom_kills is not None:
        score["oom_kills"] = snapshot.oom_kills
    if stalled > _STALLED:
        score["stalled"] = round(stalled, 3)
    return score


class _Columns:
    """The evidence as lists, because a single value of an array is slow to read; rare values by row."""

    def __init__(
        self, batch: Batch, trend: TrendFindings, methods: MethodFindings, views: Mapping[int, SiblingView]
    ) -> None:
        samples = batch.samples
        self._trend = trend
        self._views = views
        self._limit_used = rounded(np.minimum(samples.used / samples.limit, 1.0), 6)
        self._methods = [(name, _opinion(opinion)) for name, opinion in methods.opinions.items()]
        self._kind = [KINDS[code] for code in trend.kind.tolist()]
        self._confidence = rounded(trend.confidence, 4)
        self._growing = _by_row(
            trend.growth > 0,
            (trend.growth, 3),
            (trend.growth_low, 3),
            (trend.growth_high, 3),
            (trend.window, 3),
            (trend.end, 3),
            (trend.rise, 1),
            (trend.seen.fits["level"], 1),
            (np.clip(trend.strength, 0.0, 1.0), 4),
            (trend.normal_rise, 1),
            (trend.onset, 3),
            (trend.onset_low, 3),
            (trend.onset_high, 3),
        )
        self._forecast = _by_row(
            ~np.isnan(trend.eta), (trend.eta, 1), (trend.eta_low, 1), (trend.eta_high, 1)
        )
        self._significant = set(np.flatnonzero(trend.significant).tolist())
        self._suspected = set(np.flatnonzero(trend.suspected).tolist())
        self._restarted = set(np.flatnonzero(trend.restarted).tolist())
        self._drift = methods.drift
        before, after = methods.level * batch.units / samples.limit, samples.memory / samples.limit
        drifted = np.logical_or.reduce(list(methods.drift.values()))
        self._drifted = _by_row(drifted, (before, 6), (after, 6))
        self._ahead = {f"{name}_ahead": ahead * batch.units for name, ahead in methods.ahead.items()}

    def add_to(self, score: dict[str, Any], row: int, snapshot: Snapshot, sizes: Sizes) -> None:
        """Write all evidence of one row."""
        score["memory"] = sizes.memory
        score["limit"], score["limit_name"], score["left"] = sizes.end, sizes.name, sizes.left
        score["room_used"] = self._limit_used[row]
        score["methods"] = {name: said for name, opinions in self._methods if (said := opinions[row])}
        score["kind"] = self._kind[row]
        score["confidence"] = self._confidence[row]
        if row in self._restarted:
            score["restarted"] = True
        if row in self._growing:
            self._add_trend(score, row, snapshot, sizes)
        if row in self._forecast:
            self._add_forecast(score, row, sizes)
        if row in self._drifted:
            score["drift"] = [name for name, flags in self._drift.items() if flags[row]]
            score["drift_before"], score["drift_after"] = self._drifted[row]

    def _add_trend(self, score: dict[str, Any], row: int, snapshot: Snapshot, sizes: Sizes) -> None:
        *numbers, onset, onset_low, onset_high = self._growing[row]
        score["trend"] = dict(zip(_TREND, numbers, strict=True))
        score["onset"], score["onset_low"], score["onset_high"] = onset, max(onset_low, 0.0), onset_high
        if row not in self._significant:
            return
        confidence = self._confidence[row]
        score["methods"]["trend"] = {"raw": numbers[_RISE], "detected": True, "confidence": confidence}
        if row not in self._suspected:
            return  # words cost time, and no sink uses them here
        portrait = portray(self._trend, row, snapshot, sizes, self._views[row])
        for name, ahead in self._ahead.items():
            if (rise := float(ahead[row])) == rise:  # NaN where it was not asked
                score["methods"][name] = _ahead(rise, self._trend, row)
        score["reasons"] = reasons(self._trend, row, portrait.told)
        score["turning_point"] = turning_point(self._trend, row)
        score |= portrait.to_plain()

    def _add_forecast(self, score: dict[str, Any], row: int, sizes: Sizes) -> None:
        eta, low, high = self._forecast[row]
        score["forecast"] = {
            "eta": eta,
            "eta_low": low,
            "eta_high": high,
            "limit": sizes.end,
            "limit_name": sizes.name,
            "limit_used": sizes.used,
        }


def _by_row(where: Flags, *columns: tuple[Floats, int]) -> dict[int, tuple[float, ...]]:
    """Return the rows where `where` is true, with each column at so many decimals."""
    at = np.flatnonzero(where)
    values = zip(*(rounded(column[at], digits) for column, digits in columns), strict=True)
    return dict(zip(at.tolist(), values, strict=True))


def _opinion(opinion: Opinion) -> list[dict[str, Any] | None]:
    """Return one method's part of each score: without probability while unknown, None without a raw score."""
    raws, ps, sure = rounded(opinion.raw, 6), rounded(opinion.p, 9), rounded(1.0 - opinion.p, 4)
    # NaN is the only value that differs from itself.
    said: list[dict[str, Any] | None] = [
        {"raw": raw, "p": p, "confidence": confidence} if p == p else {"raw": raw}
        for raw, p, confidence in zip(raws, ps, sure, strict=True)
    ]
    for row in np.flatnonzero(opinion.detected).tolist():
        said[row] = {"raw": raws[row], "p": ps[row], "detected": True, "confidence": sure[row]}
    for row in np.flatnonzero(~np.isfinite(opinion.raw)).tolist():
        said[row] = None
    return said


def _ahead(rise: float, trend: TrendFindings, row: int) -> dict[str, Any]:
    """Return a forecaster's opinion of a growth: it agrees if it expects at least half of it to continue."""
    expected = float(trend.growth[row] * trend.gap[row]) * AHEAD
    agreed = min(max(rise / max(expected, 1e-12), 0.0), 1.0)
    return {"raw": round(rise, 6), "detected": agreed >= _AGREES, "confidence": round(agreed, 4)}
