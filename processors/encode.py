"""Columns of evidence to Score records: the last step of scoring, and a hot one.

A Score is written as plain values, not through its struct: at a hundred thousand a second the detour
costs as much as the models. tests/processors/test_scoring.py holds the result to the record's type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from fleetleak.records import Score, Snapshot
from processors.evidence.engine import Findings as Trend
from processors.evidence.reasons import reasons, turning_point
from processors.evidence.signature import KINDS
from processors.intake import Batch
from processors.memory import Shares
from processors.methods import Findings, Opinion
from processors.models.base import Floats, Rows

_SCHEMA = str(Score.__struct_config__.tag)
_CARRIED = ("host", "environment", "version", "started", "used", "total", "oom_kills")
_TREND = ("growth", "growth_low", "growth_high", "window", "rise", "strength", "normal_rise")


def rounded(x: Floats, digits: int) -> list[float]:
    """Give a column as floats with so many decimals: fewer bytes, and nothing anyone needs is lost."""
    values: list[float] = np.round(x, digits).tolist()
    return values


class Encoder:
    """Writes the scores of a batch."""

    def encode(self, batch: Batch, at: Rows, trend: Trend, found: Findings) -> list[bytes]:
        """Give one encoded Score per snapshot of the batch.

        Parameters
        ----------
        at
            Positions in the batch that `trend` and `found` have a row for.
        """
        evidence = _Columns(batch, at, trend, found)
        row_of = {position: row for row, position in enumerate(at.tolist())}
        return [orjson.dumps(self._score(batch, i, row_of.get(i), evidence)) for i in range(len(batch))]

    def _score(self, batch: Batch, i: int, row: int | None, evidence: _Columns) -> dict[str, Any]:
        record, snapshot = batch.records[i], batch.snapshots[i]
        score: dict[str, Any] = {
            "schema": _SCHEMA,
            "service": snapshot.service,
            "instance": snapshot.instance,
            "time": snapshot.timestamp,
            "input_partition": record.partition,
            "input_offset": record.offset,
            "scope": snapshot.scope,
        }
        carried = zip(_CARRIED, _carried(snapshot), strict=True)
        score.update({name: value for name, value in carried if value is not None})
        shares = batch.shares[i]
        if row is None or shares is None:
            score["reasons"] = ["neither a limit nor a total is known, so nothing can be said"]
            return score
        evidence.add_to(score, row, snapshot, shares)
        return score


class _Columns:
    """Evidence as lists, in which a single value is cheap to reach."""

    def __init__(self, batch: Batch, at: Rows, trend: Trend, found: Findings) -> None:
        shares = [s for s in batch.shares if s is not None]
        basis = np.array([s.basis for s in shares], dtype=np.float64)
        self._trend = trend
        self._memory = rounded(np.array([s.memory for s in shares]), 6)
        self._room = rounded(np.minimum(np.array([s.room for s in shares]), 1.0), 6)
        self._methods = [(name, *_opinion(o)) for name, o in found.opinions.items()]
        self._drift = [(name, flags.tolist()) for name, flags in found.drift.items()]
        self._drifted = np.logical_or.reduce(list(found.drift.values())).tolist()
        self._level = rounded(found.level, 6)
        self._confidence = rounded(trend.confidence, 4)
        self._kind = [KINDS[code] for code in trend.kind.tolist()]
        self._restarted = trend.restarted.tolist()
        self._growing = (trend.growth > 0).tolist()
        self._growth = _rows(
            (trend.growth * basis, 3),
            (trend.growth_low * basis, 3),
            (trend.growth_high * basis, 3),
            (trend.window, 3),
            (trend.rise * basis, 1),
            (np.clip(trend.strength, 0.0, 1.0), 4),
            (trend.normal_rise * basis, 1),
        )
        self._significant = trend.significant.tolist()
        self._forecast = (~np.isnan(trend.eta)).tolist()
        self._eta = _rows((trend.eta, 1), (trend.eta_low, 1), (trend.eta_high, 1))
        self._onset = rounded(trend.onset, 3)

    def add_to(self, score: dict[str, Any], row: int, snapshot: Snapshot, shares: Shares) -> None:
        """Write everything known of one row."""
        score["room_used"] = self._room[row]
        score["methods"] = methods = {}
        for name, raw, p, detected in self._methods:
            methods[name] = method = {"raw": raw[row]}
            # NaN, the only value unlike itself: not calibrated yet.
            if p[row] == p[row]:
                method |= {"p": p[row], "detected": detected[row], "confidence": 1.0 - p[row]}
        score["kind"] = self._kind[row]
        score["confidence"] = self._confidence[row]
        if self._restarted[row]:
            score["restarted"] = True
        if self._growing[row]:
            self._add_trend(score, row)
        if self._forecast[row]:
            self._add_forecast(score, row, snapshot, shares)
        if self._drifted[row]:
            score["drift"] = [name for name, flags in self._drift if flags[row]]
            score["drift_before"], score["drift_after"] = self._level[row], self._memory[row]

    def _add_trend(self, score: dict[str, Any], row: int) -> None:
        score["trend"] = dict(zip(_TREND, self._growth[row], strict=True))
        score["onset"] = self._onset[row]
        if not self._significant[row]:
            return
        confidence = self._confidence[row]
        score["methods"]["trend"] = {"raw": self._growth[row][4], "detected": True, "confidence": confidence}
        score["reasons"] = reasons(self._trend, row)
        score["turning_point"] = turning_point(self._trend, row)

    def _add_forecast(self, score: dict[str, Any], row: int, snapshot: Snapshot, shares: Shares) -> None:
        used = snapshot.limit_used if snapshot.limit is not None else snapshot.used
        score["forecast"] = dict(zip(("eta", "eta_low", "eta_high"), self._eta[row], strict=True)) | {
            "limit": shares.basis,
            "limit_name": snapshot.limit_name or ("limit" if snapshot.limit is not None else "total"),
            "limit_used": used or 0,
        }


def _carried(snapshot: Snapshot) -> tuple[Any, ...]:
    return (
        snapshot.host,
        snapshot.environment,
        snapshot.version,
        snapshot.started,
        snapshot.used,
        snapshot.total,
        snapshot.oom_kills,
    )


def _rows(*columns: tuple[Floats, int]) -> list[tuple[float, ...]]:
    """Give columns, each with so many decimals, as one tuple per row."""
    return list(zip(*(rounded(values, digits) for values, digits in columns), strict=True))


def _opinion(opinion: Opinion) -> tuple[list[float], list[float], list[bool]]:
    return rounded(opinion.raw, 6), rounded(opinion.p, 9), opinion.detected.tolist()
