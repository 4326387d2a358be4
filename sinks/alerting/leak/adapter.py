"""Leaks as findings: what a Score shows of a growth, when it is over, and how it is said."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fleetleak import alert_text
from fleetleak.records import LEAK_KINDS, Alert, Score
from fleetleak.records.alert import Urgency
from fleetleak.settings.tree import AlertingSettings
from fleetleak.text import DAY, rate, size
from sinks.alerting.finding import Adapter, Finding, Opinion, Signature
from sinks.alerting.leak import growth
from sinks.alerting.leak.growth import Covered, Growth
from sinks.alerting.leak.news import Reported, held_by, limit_moved, reached, reported_of, urgency
from sinks.origin import origin
from sinks.policy.rules import Vocabulary

# Share of the time in which tasks wait for memory: from here on harm is felt.
_STALLED = 0.1
# So many out-of-memory kills within a day are repeated ones.
_REPEATED_KILLS = 2
# A staircase has one more step when memory is higher by this share of the rise at once.
_STEP_SHARE = 0.1
# A whitelist of growths up to this share of the limit would match every leak until it is too late.
_TOO_WIDE = 0.5
_STATISTICAL = "trend"


class LeakMemory(Struct, omit_defaults=True, gc=False):
    """What is remembered of the growth of one instance; constant size.

    Memory below `floor`, in bytes, counts as given back; `below` is how many scores in a row show this.
    `held` says that the growth cannot continue. `covered` is a growth that a label called no leak. `killed`
    has the times of the newest out-of-memory kills. `peak` and `steps` count the steps of a staircase.
    """

    floor: float = 0.0
    below: int = 0
    held: bool = False
    reported: Reported | None = None
    growth: Growth | None = None
    covered: Covered | None = None
    oom_kills: int | None = None
    killed: list[float] = []
    peak: float = 0.0
    steps: int = 0


class Leaks(Adapter[Score, LeakMemory]):
    """The adapter of leaks."""

    VOCABULARY = Vocabulary(
        "leak", Score, LEAK_KINDS,
        ("growth_in_window", "sustained_seconds", "occurrences", "fragmentation_index", "seconds_left"),
    )  # fmt: skip

    def __init__(self, settings: AlertingSettings) -> None:
        self._clear = settings.clear_confidence
        self._confirmations = settings.confirmations
        self._high_water = settings.high_water

    def memory(self) -> LeakMemory:
        """Return what is remembered of a new instance."""
        return LeakMemory()

    def finding(self, own: LeakMemory, record: Score, firing: bool, usual: float) -> Finding:
        """Return what a score shows."""
        killed = own.oom_kills is not None and (record.oom_kills or 0) > own.oom_kills
        own.oom_kills, own.growth = record.oom_kills, growth.growth_of(record)
        if killed:
            own.killed = [*own.killed, record.time][-_REPEATED_KILLS:]
        if record.restarted:
            own.covered, own.reported, own.peak, own.steps, own.below = None, None, 0.0, 0, 0
        self._count_steps(own, record)
        over, held, full = None, None, reached(record, firing and own.held)
        if firing:
            own.below = own.below + 1 if record.memory is not None and record.memory < own.floor else 0
            over = "memory was given back" if own.below >= self._confirmations else None
            held = held_by(record, own.held)
            own.held = held is not None
        harmful = record.kind in LEAK_KINDS
        trend, forecast = record.trend, record.forecast
        return Finding(
            time=record.time,
            kind=record.kind,
            confidence=record.confidence,
            onset=record.onset,
            shown=harmful and trend is not None,
            usual=trend is not None and growth.gained(record) < growth.usual(record, usual),
            supports=harmful and held is None and not own.below and record.confidence >= self._clear,
            forecast=forecast is not None,
            left=0.0 if full else None if forecast is None else max(0.0, forecast.eta_low - record.time),
            window=0.0 if trend is None else trend.window,
            urgency=urgency(record),
            over=over,
            held=held,
            news=limit_moved(own.reported, record) if firing else None,
            outdated=own.reported is None or own.reported.is_old(record),
            restarted=record.restarted,
            killed=killed,
            near=forecast is not None
            and record.room_used is not None
            and record.room_used >= self._high_water,
            rate=None if trend is None else trend.growth,
        )

    @staticmethod
    def _count_steps(own: LeakMemory, record: Score) -> None:
        if record.trend is None or record.memory is None:
            return
        if own.peak and record.memory >= own.peak + _STEP_SHARE * record.trend.rise > own.peak:
            own.steps += 1
        own.peak = max(own.peak, float(record.memory))

    def covered(self, own: LeakMemory, record: Score) -> bool:
        """Return whether a label covers the growth."""
        return own.covered is not None and own.covered.holds(record)

    def fired(self, own: LeakMemory) -> None:
        """Begin anew for an alert that begins."""
        own.below, own.held, own.covered = 0, False, None

    def settle(self, own: LeakMemory, record: Score) -> None:
        """Remember from which level on memory counts as given back."""
        if record.trend is not None:
            # Counted from the lower edge: a sawtooth gives back much at every tooth and still leaks.
            own.floor = record.trend.level - 0.5 * record.trend.rise

    def reported(self, own: LeakMemory, record: Score, soon: Urgency) -> None:
        """Remember the forecast and the limit of a step."""
        own.reported = reported_of(record, soon)

    def facts(self, own: LeakMemory, record: Score, onset: float | None) -> dict[str, float | None]:
        """Return the facts that rules may use; unknown ones are None."""
        trend, features, forecast = record.trend, record.features, record.forecast
        before = None if trend is None else trend.level - trend.rise
        period = None if features is None else features.period
        since = None if onset is None else record.time - onset
        cycles = None if since is None or not period else since / period
        return {
            "growth_in_window": None if trend is None or not before else trend.rise / max(before, 1.0),
            "sustained_seconds": since,
            "occurrences": cycles if record.kind == "periodic" else float(own.steps),
            "fragmentation_index": None if features is None else features.fragmentation_index,
            "seconds_left": None if forecast is None else max(0.0, forecast.eta_low - record.time),
        }

    def harm(self, own: LeakMemory, record: Score) -> str | None:
        """Return what is felt already, in words."""
        if (record.stalled or 0.0) >= _STALLED:
            return f"tasks wait for memory {record.stalled or 0.0:.0%} of the time"
        recent = [time for time in own.killed if record.time - time <= DAY]
        return "killed for lack of memory again and again" if len(recent) >= _REPEATED_KILLS else None

    def opinions(self, record: Score) -> tuple[Opinion, Opinion]:
        """Return the confidence of the trend, and of the surest learned method.

        A learned method that detects nothing has a say only if it was asked about the growth: then it has no
        tail probability.
        """
        learned = [method for name, method in record.methods.items() if name != _STATISTICAL]
        detected = [method.confidence for method in learned if method.detected]
        asked = [method.confidence for method in learned if method.p is None]
        statistical = Opinion(record.confidence, record.confidence > 0)
        return statistical, Opinion(max(detected or asked, default=0.0), bool(detected))

    def signature(self, own: LeakMemory) -> Signature | None:
        """Return kind, rise (bytes) and rate (bytes per second) of the growth."""
        return None if own.growth is None else Signature(own.growth.kind, own.growth.rise, own.growth.rate)

    def cover(self, own: LeakMemory) -> bool:
        """Cover the growth until it has clearly grown."""
        if own.growth is None:
            return False
        own.covered = growth.cover(own.growth)
        return True

    def too_wide(self, bound: Signature, own: LeakMemory) -> bool:
        """Return whether a bound would match every growth until the limit is near."""
        now = own.growth
        return now is None or bound.size >= _TOO_WIDE * (now.level + now.left)

    def looks(self, bound: Signature) -> str:
        """Return a bound in words."""
        return f"{bound.kind} growth of at most {rate(bound.rate, DAY)}, up to a rise of {size(bound.size)}"

    def level(self, record: Score) -> float | None:
        """Return the memory that a leak grows, bytes."""
        return record.memory

    def describe(self, record: Score, onset: float | None) -> dict[str, Any]:
        """Return the fields of an alert that come from the score."""
        forecast, low = record.forecast, record.onset_low
        return {
            **origin(record),
            "confidence": record.confidence,
            # An earlier score may have seen an earlier onset.
            "onset_low": onset if low is None or onset is None else min(low, onset),
            "onset_high": record.onset_high if onset == record.onset else onset,
            "labels": record.labels,
            "environment": record.environment,
            "eta": forecast.eta if forecast else None,
            "eta_low": forecast.eta_low if forecast else None,
            "eta_high": forecast.eta_high if forecast else None,
            "used": record.used,
            "total": record.total,
            "memory": record.memory,
            "limit": record.limit,
            "limit_name": record.limit_name,
            "stalled": record.stalled,
            "forecast": forecast,
            "trend": record.trend,
            "methods": record.methods,
            "reasons": record.reasons,
            "turning_point": record.turning_point,
            "features": record.features,
            "quality": record.quality,
            "siblings": record.siblings,
        }

    def word(self, alert: Alert) -> None:
        """Write the summary and the recommendation."""
        alert.summary, alert.recommendation = alert_text.summary(alert), alert_text.recommendation(alert)
