"""What the usual rules would have said of the same data: a threshold, `predict_linear`, and Coroot's."""

from __future__ import annotations

import math
from array import array

import numpy as np

from fleetleak_app.evaluation.cases import Case
from fleetleak_app.evaluation.rivals.base import DAY, HOUR, Rival
from fleetleak_app.evaluation.rivals.coroot import Coroot
from fleetleak_app.evaluation.rivals.predict_linear import PredictLinear
from fleetleak_app.evaluation.rivals.static_threshold import StaticThreshold

RULES: tuple[Rival, ...] = (
    StaticThreshold("over 80 % for 15 min", 0.8),
    PredictLinear("predict_linear 6 h -> 4 d, over 70 %", 6 * HOUR, 4 * DAY, min_share=0.7, hold=HOUR),
    Coroot("Coroot's rule (5 % an hour)"),
)
"""The rules of the table; each looks back less than `_KEEP_SECONDS`."""
_KEEP_SECONDS = 8 * HOUR
_AT_ONCE_SECONDS = 12 * HOUR

Span = tuple[float, float]
"""Begin and end, in unix seconds; the end is infinite while it lasts."""


class Followed:
    """The rules on one instance. Only what they still look back at is kept.

    Parameters
    ----------
    longest_gap
        Seconds without a sample after which no rule fires any more: Prometheus has no value then.

    Attributes
    ----------
    spans
        For each rule when it fired.
    """

    def __init__(self, name: str, longest_gap: float) -> None:
        self._name = name
        self._longest_gap = longest_gap
        self._times, self._shares = array("d"), array("f")
        self._done = -math.inf
        self.spans: tuple[list[Span], ...] = tuple([] for _ in RULES)

    def add(self, time: float, share: float) -> None:
        """Take the used share of the limit at a time."""
        if self._times and time - self._times[-1] > self._longest_gap:
            self._begin_anew()
        self._times.append(time)
        self._shares.append(share)
        first = self._times[0] if self._done < 0 else self._done
        if time - first >= _AT_ONCE_SECONDS:
            self._judge()

    def end(self, at: float) -> None:
        """Judge the rest. What had no sample for long before the end fires no more."""
        if self._times and at - self._times[-1] > self._longest_gap:
            self._begin_anew()
        self._judge()

    def _begin_anew(self) -> None:
        self._judge()
        for spans in self.spans:
            if spans and spans[-1][1] == math.inf:
                spans[-1] = spans[-1][0], self._times[-1]
        del self._times[:], self._shares[:]
        self._done = -math.inf

    def _judge(self) -> None:
        """Judge what came since the last time."""
        if not self._times or self._times[-1] <= self._done:
            return
        times, shares = np.array(self._times), np.array(self._shares, dtype=float)
        case = Case(self._name, times, shares, np.ones(len(times)), "", "", (), (), times[0], times[-1])
        for rule, spans in zip(RULES, self.spans, strict=True):
            self._note(rule, case, spans)
        self._done = float(times[-1])
        kept = int(np.searchsorted(times, times[-1] - _KEEP_SECONDS))
        del self._times[:kept], self._shares[:kept]

    def _note(self, rule: Rival, case: Case, spans: list[Span]) -> None:
        is_firing = bool(spans) and spans[-1][1] == math.inf
        # What it said of the time before is known already.
        for alert in rule.alerts(case):
            fires = alert["state"] == "firing"
            if alert["time"] <= self._done or fires == is_firing:
                continue
            is_firing = fires
            if fires:
                spans.append((alert["time"], math.inf))
            else:
                spans[-1] = spans[-1][0], alert["time"]
