"""Decides on one record: gate, threshold, rule, vote, whitelist, severity."""

from __future__ import annotations

from typing import Any

from fleetleak.settings.tree import AlertingSettings
from sinks.alerting.decision import Decision, severity, voted
from sinks.alerting.finding import Adapter, Finding
from sinks.alerting.lessons import Lessons
from sinks.alerting.life import earliest
from sinks.alerting.subject import Member, Subject
from sinks.policy.rules import Rules, Threshold

# An instance is watched for so many of its records before it can be alerted: a start is no leak.
_START_RECORDS = 10


class Decider:
    """Decides by the rules, the settings, and what labels taught; it changes nothing."""

    def __init__(self, settings: AlertingSettings, adapter: Adapter[Any, Any], rules: Rules) -> None:
        self._adapter = adapter
        self._rules = rules
        self._fire = Threshold(settings.fire_confidence, f"{settings.fire_confidence:g} by the settings")
        self._near = Threshold(settings.high_fire, f"{settings.high_fire:g} near the limit")

    def gate(self, lessons: Lessons) -> Threshold:
        """Return the confidence from which on a finding is an alert."""
        return lessons.threshold() or self._fire

    def decide(self, subject: Subject[Any], member: Member[Any], record: Any, finding: Finding) -> Decision:
        """Return the decision on a record."""
        lessons, memory = subject.lessons, member.memory
        onset = earliest(memory.onset if memory.phase != "quiet" else None, finding.onset)
        facts = self._adapter.facts(member.own, record, onset)
        rule = self._rules.rule(memory.kind if memory.phase == "firing" else finding.kind, record, facts)
        learned = lessons.threshold()
        gate = learned or self._fire
        if finding.near and self._near.value < gate.value:
            gate = self._near
        threshold = learned or self._rules.threshold(rule, record.environment)
        method = lessons.method()
        confidence, detected = voted(method, self._adapter.opinions(record), gate.value)
        unmet = rule.unmet(record, facts)
        if confidence < threshold.value:
            unmet = (f"confidence {threshold.value:.2f} ({threshold.words})", *unmet)
        rank, because = severity(rule, not unmet, finding, self._adapter.harm(member.own, record))
        silenced = self._silenced(subject, member, record, finding, facts)
        if silenced is None and rule.silent and unmet:
            silenced = f"rule {rule.name} is silent: it needs {' and '.join(unmet)}"
        enough = finding.shown and detected and not finding.usual and silenced is None
        return Decision(
            confidence=confidence, method=method, gate=gate, threshold=threshold, rule=rule, facts=facts,
            unmet=unmet, silenced=silenced, enough=enough, severity=rank, because=because,
        )  # fmt: skip

    def _silenced(
        self,
        subject: Subject[Any],
        member: Member[Any],
        record: Any,
        finding: Finding,
        facts: dict[str, float | None],
    ) -> str | None:
        """Return what takes a finding for no alert, in words."""
        if self._adapter.covered(member.own, record):
            return "a label not-a-leak covers this growth until it has clearly grown"
        if member.records <= _START_RECORDS and member.from_start(record.started):
            return f"it has just started: its first {_START_RECORDS} records are no alert"
        signature = self._adapter.signature(member.own)
        if signature is not None and (allowed := subject.lessons.allows(signature, record.time)):
            return f"whitelist {allowed.number}: {self._adapter.looks(allowed.bound)}"
        return self._rules.allowed(record, facts, record.time)
