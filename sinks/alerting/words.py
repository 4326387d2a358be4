"""The records of alerts: from a record and a step to an Alert, whatever the kind of finding."""

from __future__ import annotations

from typing import Any

import msgspec

from fleetleak.records import Alert
from fleetleak.records.alert import CERTAINTIES, SEVERITIES, AlertState
from sinks.alerting.decision import Decision
from sinks.alerting.finding import Adapter
from sinks.alerting.history import history
from sinks.alerting.life import Transition
from sinks.alerting.subject import Member, Standing, Subject

MOST_NAMED = 20
_MOST_REASONS = 3
# The previous transition of an alert that has none yet.
NO_ALERT = Alert(
    key="-", state="firing", service="-", instance="-", time=0.0, since=0.0, severity="low", kind="stable",
    confidence=0.0, summary="", recommendation="",
)  # fmt: skip


class Writer:
    """Writes the alerts of one kind of finding."""

    def __init__(self, adapter: Adapter[Any, Any]) -> None:
        self._adapter = adapter

    def described(
        self,
        subject: Subject[Any],
        standing: Standing,
        member: Member[Any],
        record: Any,
        step: Transition,
        decision: Decision,
        state: AlertState,
    ) -> Alert:
        """Return the alert of a subject after a step of one instance."""
        affected, before = subject.affected(), standing.published
        suspect, growth_before = subject.suspect(step.onset)
        return self._worded(
            Alert(
                **self._adapter.describe(record, step.onset),
                key=standing.key,
                state=state,
                finding=self._adapter.VOCABULARY.finding,
                since=standing.since,
                severity=max(decision.severity, before.severity, key=SEVERITIES.index),
                certainty=max(step.certainty, before.certainty, key=CERTAINTIES.index),
                urgency=step.urgency,
                rule=decision.rule.name,
                threshold=decision.threshold.value,
                reopened=standing.reopened,
                restarts=max(before.restarts, *(m.memory.restarts for m in subject.members.values())),
                kind=step.kind,
                news=step.news,
                confirmed_by=standing.confirmed_by[:MOST_NAMED],
                summary="",
                recommendation="",
                runbook=decision.rule.page(record.service, step.kind),
                affected=len(affected),
                alive=subject.alive(),
                instances=affected[:MOST_NAMED],
                onset=step.onset,
                suspect=suspect,
                growth_before=growth_before,
                history=history(member.points, member.restarts, subject.deploys()),
            )
        )

    def confirmed(self, published: Alert, time: float, author: str, authors: list[str]) -> Alert:
        """Return an alert that a person confirmed, and others before."""
        reasons = [f"confirmed by {author}", *published.reasons][:_MOST_REASONS]
        return self._worded(
            msgspec.structs.replace(
                published,
                state="updated",
                time=time,
                certainty="sure",
                news=None,
                reasons=reasons,
                confirmed_by=authors[:MOST_NAMED],
            )
        )

    def stale(self, published: Alert, time: float, news: str) -> Alert:
        """Return an alert of which nobody knows whether it still fires."""
        return self._worded(msgspec.structs.replace(published, state="stale", time=time, news=news))

    def ended(self, published: Alert, time: float, why: str) -> Alert:
        """Return the last form of an alert that has ended: nothing is affected, and nothing is forecast."""
        return self._worded(
            msgspec.structs.replace(
                published, state="resolved", time=time, closed_by=why, affected=0, instances=[],
                urgency="later", news=None, eta=None, eta_low=None, eta_high=None, forecast=None,
            )
        )  # fmt: skip

    def _worded(self, alert: Alert) -> Alert:
        self._adapter.word(alert)
        return alert
