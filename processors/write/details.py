"""The parts of a Score that only some have: a new run, a growth with its forecast and words, a drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson

from fleetleak.records import Snapshot
from processors.columns import Flags, Floats, Rows
from processors.decode.identities import Identities
from processors.decode.sizes import limit_name
from processors.evidence.features import FlowFeatures, read
from processors.evidence.findings import TrendFindings
from processors.evidence.reasons import reasons, turning_points
from processors.methods.base import AHEAD, MethodFindings
from processors.place.placed import Placed
from processors.place.siblings import SiblingView
from processors.write.portrait import Measured, portray

# Share of a growth that a forecaster must expect to continue in order to agree with it.
_AGREES = 0.5
_TREND = ("growth", "growth_low", "growth_high", "window", "end", "rise", "level", "strength", "normal_rise")
_RISE = _TREND.index("rise")
_NOTHING, _END = b"", b"}"


class Details:
    """The rare parts of the scores of a batch, encoded.

    Parameters
    ----------
    views
        The view of the siblings of each suspected snapshot, by place in the batch.
    snapshot
        Returns the whole snapshot of a record's value.

    Attributes
    ----------
    methods
        By place: what to add behind the opinions of the methods.
    others
        By place: what to add behind everything else, with the end of the Score.
    """

    def __init__(
        self,
        placed: Placed,
        identities: Identities,
        trend: TrendFindings,
        methods: MethodFindings,
        views: Mapping[int, SiblingView],
        snapshot: Callable[[bytes | None], Snapshot],
    ) -> None:
        self.methods = [_NOTHING] * len(placed)
        self.others = [_END] * len(placed)
        self._placed = placed
        self._identities = identities
        self._trend = trend
        self._views = views
        self._snapshot = snapshot
        self._drift = methods.drift
        self._ahead = methods.ahead
        self._forecast = ~np.isnan(trend.eta)
        self._drifted: Flags = np.logical_or.reduce(list(methods.drift.values()))
        rows = np.flatnonzero(trend.restarted | (trend.growth > 0) | self._forecast | self._drifted)
        if len(rows):
            self._write_all(rows, methods)

    def _write_all(self, rows: Rows, methods: MethodFindings) -> None:
        trend, placed, sizes = self._trend, self._placed, self._placed.sizes
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
            (trend.confidence, 4),
        )
        self._eta = _by_row(self._forecast, (trend.eta, 1), (trend.eta_low, 1), (trend.eta_high, 1))
        before, after = methods.level * placed.units / sizes.limit, sizes.memory / sizes.limit
        self._levels = _by_row(self._drifted, (before, 6), (after, 6))
        self._suspected = _of_suspected(trend)
        for row in rows.tolist():
            self._write(row)

    def _write(self, row: int) -> None:
        more: dict[str, Any] = {}
        others: dict[str, Any] = {}
        if self._trend.restarted[row]:
            others["restarted"] = True
        if row in self._growing:
            self._add_trend(more, others, row)
        if row in self._eta:
            self._add_forecast(others, row)
        if row in self._levels:
            others["drift"] = [name for name, flags in self._drift.items() if flags[row]]
            others["drift_before"], others["drift_after"] = self._levels[row]
        if more:
            self.methods[row] = b"," + orjson.dumps(more)[1:-1]
        self.others[row] = b"," + orjson.dumps(others)[1:]

    def _add_trend(self, more: dict[str, Any], others: dict[str, Any], row: int) -> None:
        *numbers, onset, onset_low, onset_high, confidence = self._growing[row]
        others["trend"] = dict(zip(_TREND, numbers, strict=True))
        others["onset"], others["onset_low"] = onset, max(onset_low, 0.0)
        others["onset_high"] = onset_high
        trend = self._trend
        if not trend.significant[row]:
            return
        more["trend"] = {"raw": numbers[_RISE], "detected": True, "confidence": confidence}
        if row not in self._suspected:
            return  # words cost time, and no sink uses them here
        sign, flows = self._suspected[row]
        portrait = portray(trend, row, flows, self._measured(row), self._views[row])
        for name, ahead in self._ahead.items():
            rise = float(ahead[row] * self._placed.units[row])
            if rise == rise:  # NaN where it was not asked
                more[f"{name}_ahead"] = _ahead(rise, trend, row)
        others["reasons"] = reasons(trend, row, portrait.told)
        others["turning_point"] = sign
        others |= portrait.to_plain()

    def _measured(self, row: int) -> Measured:
        sizes = self._placed.sizes
        snapshot = self._snapshot(self._placed.snapshots.records.values[row])
        return Measured(snapshot, sizes.memory.item(row), sizes.limit.item(row))

    def _add_forecast(self, others: dict[str, Any], row: int) -> None:
        eta, low, high = self._eta[row]
        sizes = self._placed.sizes
        others["forecast"] = {
            "eta": eta,
            "eta_low": low,
            "eta_high": high,
            "limit": sizes.end.item(row),
            "limit_name": self._limit_name(row),
            "limit_used": sizes.used.item(row),
        }

    def _limit_name(self, row: int) -> str:
        own = self._identities.limit_name(self._placed.identities.item(row))
        return limit_name(self._placed.sizes.name.item(row), own)


def _of_suspected(trend: TrendFindings) -> dict[int, tuple[str, FlowFeatures]]:
    """Return the sign that decided on each suspected sample, and its features, by row."""
    rows = np.flatnonzero(trend.suspected)
    if not len(rows):
        return {}
    found = zip(turning_points(trend, rows), read(trend.flows.take(rows, axis=0)), strict=True)
    return dict(zip(rows.tolist(), found, strict=True))


def _by_row(where: Flags, *columns: tuple[Floats, int]) -> dict[int, tuple[float, ...]]:
    """Return the rows where `where` is true, with each column at so many decimals."""
    at = np.flatnonzero(where)
    values = zip(*(np.round(column[at], digits).tolist() for column, digits in columns), strict=True)
    return dict(zip(at.tolist(), values, strict=True))


def _ahead(rise: float, trend: TrendFindings, row: int) -> dict[str, Any]:
    """Return a forecaster's opinion of a growth: it agrees if it expects at least half of it to continue."""
    expected = float(trend.growth[row] * trend.gap[row]) * AHEAD
    agreed = min(max(rise / max(expected, 1e-12), 0.0), 1.0)
    return {"raw": round(rise, 6), "detected": agreed >= _AGREES, "confidence": round(agreed, 4)}
