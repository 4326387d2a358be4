"""The records of alerts: from a score and a step to an Alert."""

from __future__ import annotations

import msgspec

from fleetleak import alert_text
from fleetleak.records import Alert, Score
from fleetleak.records.alert import AlertState
from sinks.alerting.policy import Transition
from sinks.alerting.service import ServiceAlerts, Standing
from sinks.origin import origin

_MOST_NAMED = 20
_MOST_REASONS = 3
# The previous transition of an alert that has none yet.
NO_ALERT = Alert(
    key="-", state="firing", service="-", instance="-", time=0.0, since=0.0, severity="early", kind="stable",
    confidence=0.0, summary="", recommendation="",
)  # fmt: skip


def described(
    standing: Standing, service: ServiceAlerts, score: Score, step: Transition, state: AlertState
) -> Alert:
    """Return the alert of a service after a step of one instance."""
    leaking, forecast, told = service.leaking(), score.forecast, standing.told
    sure = "sure" in (step.severity, told.severity)
    return _worded(
        Alert(
            **origin(score),
            key=standing.key,
            state=state,
            since=standing.since,
            severity="sure" if sure else "early",
            urgency=step.urgency,
            kind=step.kind,
            confidence=score.confidence,
            news=step.news,
            summary="",
            recommendation="",
            affected=len(leaking),
            alive=service.alive(),
            instances=leaking[:_MOST_NAMED],
            onset=step.onset,
            onset_low=_not_after(score.onset_low, step.onset),
            onset_high=score.onset_high if step.onset == score.onset else step.onset,
            labels=score.labels,
            environment=score.environment,
            eta=forecast.eta if forecast else None,
            eta_low=forecast.eta_low if forecast else None,
            eta_high=forecast.eta_high if forecast else None,
            used=score.used,
            total=score.total,
            forecast=forecast,
            trend=score.trend,
            methods=score.methods,
            reasons=score.reasons,
            turning_point=score.turning_point,
            features=score.features,
            quality=score.quality,
            siblings=score.siblings,
        )
    )


def confirmed(told: Alert, time: float, author: str) -> Alert:
    """Return an alert that a person confirmed as a leak."""
    reasons = [f"confirmed by {author}", *told.reasons][:_MOST_REASONS]
    return _worded(
        msgspec.structs.replace(told, state="updated", time=time, severity="sure", news=None, reasons=reasons)
    )


def ended(told: Alert, time: float, why: str) -> Alert:
    """Return the last form of an alert that has ended: nothing leaks, and nothing is forecast."""
    return _worded(
        msgspec.structs.replace(
            told, state="resolved", time=time, closed_by=why, affected=0, instances=[], urgency="later",
            news=None, eta=None, eta_low=None, eta_high=None, forecast=None,
        )
    )  # fmt: skip


def _worded(alert: Alert) -> Alert:
    alert.summary, alert.recommendation = alert_text.summary(alert), alert_text.recommendation(alert)
    return alert


def _not_after(low: float | None, onset: float | None) -> float | None:
    return onset if low is None or onset is None else min(low, onset)
