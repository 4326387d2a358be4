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
from processors.evidence.reasons import reasons
from processors.evidence.signature import KINDS
from processors.intake import Batch
from processors.memory import Shares
from processors.methods import Findings, Opinion
from processors.models.base import Floats, Rows

_SCHEMA = str(Score.__struct_config__.tag)
_IDENTITY = ("host", "environment", "version", "started", "used", "total", "oom_kills")


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
        for name in _IDENTITY:
            if (value := getattr(snapshot, name)) is not None:
                score[name] = value
        shares = batch.shares[i]
        if row is None or shares is None:
            score["reasons"] = ["neither a limit nor a total is known, so nothing can be said"]
            return score
        evidence.add_to(score, row, snapshot, shares)
        return score


class _Columns:
    """Evidence as lists, in which a single value is cheap to reach."""

    def __init__(self, batch: Batch, at: Rows, trend: Trend, found: Findings) -> None:
        self._trend = trend
        self._room = rounded(np.array([s.room for s in batch.shares if s is not None]), 6)
        self._methods = [(name, *_opinion(o)) for name, o in found.opinions.items()]
        self._drift = [(name, flags.tolist()) for name, flags in found.drift.items()]
        self._drifted = np.logical_or.reduce(list(found.drift.values())).tolist()
        self._level = found.level
        self._confidence = rounded(trend.confidence, 4)
        self._kind = trend.kind.tolist()
        self._growing = (trend.growth > 0).tolist()
        self._forecast = (~np.isnan(trend.eta)).tolist()
        self._restarted = trend.restarted.tolist()

    def add_to(self, score: dict[str, Any], row: int, snapshot: Snapshot, shares: Shares) -> None:
        """Write everything known of one row."""
        score["room_used"] = min(1.0, self._room[row])
        score["methods"] = methods = {}
        for name, raw, p, detected in self._methods:
            methods[name] = method = {"raw": raw[row]}
            if p[row] == p[row]:
                method |= {"p": p[row], "confidence": 1.0 - p[row]}
                if detected[row]:
                    method["detected"] = True
        score["kind"] = KINDS[self._kind[row]]
        score["confidence"] = self._confidence[row]
        if self._restarted[row]:
            score["restarted"] = True
        if self._growing[row]:
            self._add_trend(score, row, shares.basis)
        if self._forecast[row]:
            self._add_forecast(score, row, snapshot, shares)
        if self._drifted[row]:
            score["drift"] = [name for name, flags in self._drift if flags[row]]
            score["drift_before"] = round(float(self._level[row]), 6)
            score["drift_after"] = round(shares.memory, 6)

    def _add_trend(self, score: dict[str, Any], row: int, basis: int) -> None:
        trend = self._trend
        score["trend"] = {
            "growth": round(float(trend.growth[row]) * basis, 3),
            "growth_low": round(float(trend.growth_low[row]) * basis, 3),
            "growth_high": round(float(trend.growth_high[row]) * basis, 3),
            "window": round(float(trend.window[row]), 3),
            "rise": round(float(trend.rise[row]) * basis, 1),
            "strength": round(float(trend.strength[row]), 4),
            "normal_rise": round(float(trend.normal_rise[row]) * basis, 1),
        }
        if trend.significant[row]:
            score["methods"]["trend"] = {
                "raw": round(float(trend.rise[row]), 6), "detected": True, "confidence": self._confidence[row],
            }  # fmt: skip
            score["onset"] = round(float(trend.onset[row]), 3)
            score["reasons"] = reasons(trend, row, basis)

    def _add_forecast(self, score: dict[str, Any], row: int, snapshot: Snapshot, shares: Shares) -> None:
        trend = self._trend
        used = snapshot.limit_used if snapshot.limit is not None else snapshot.used
        score["forecast"] = {
            "eta": round(float(trend.eta[row]), 1),
            "eta_low": round(float(trend.eta_low[row]), 1),
            "eta_high": round(float(trend.eta_high[row]), 1),
            "limit": shares.basis,
            "limit_name": snapshot.limit_name or ("limit" if snapshot.limit is not None else "total"),
            "limit_used": used or 0,
        }


def _opinion(opinion: Opinion) -> tuple[list[float], list[float], list[bool]]:
    return rounded(opinion.raw, 6), rounded(opinion.p, 9), opinion.detected.tolist()
