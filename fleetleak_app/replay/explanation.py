"""One decision as fields that people and programs read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from fleetleak.records import Forecast, Label, ModelDelete, Score, Trend
from fleetleak.records.alert import Severity
from fleetleak.records.types import Kind
from fleetleak.text import DAY, moment, rate, size
from fleetleak_app.replay.changes import Missing, missing, silencers
from fleetleak_app.replay.decisions import Control, Replayed
from sinks.alerting.decision import VOTERS, Voter, voted
from sinks.alerting.explained import Explained
from sinks.alerting.leak.adapter import LeakMemory, Leaks
from sinks.policy.rules import Rules


class Bar(Struct, frozen=True):
    """A confidence that is needed, where it comes from, and whether it is reached."""

    value: float
    words: str
    reached: bool


class Need(Struct, frozen=True):
    """One thing that the rule needs, and what the finding has."""

    words: str
    value: Any
    met: bool


class MethodSays(Struct, frozen=True):
    """One method: how often it agreed with labels, and what it says."""

    name: Voter
    accuracy: float
    confidence: float
    detected: bool


class Evidence(Struct, frozen=True):
    """What the score says: bytes and unix seconds."""

    kind: Kind
    confidence: float
    memory: int | None
    limit: int | None
    left: int | None
    trend: Trend | None
    forecast: Forecast | None
    onset: float | None
    onset_low: float | None
    onset_high: float | None
    reasons: list[str]
    turning_point: str | None


class Explanation(Struct, frozen=True, kw_only=True):
    """One decision with all its reasons.

    Parameters
    ----------
    alert
        Whether an alert of the service stands after this score.
    key, since
        Of this alert.
    phase
        Of this instance after this score: `quiet`, `suspected` or `firing`.
    enough
        Whether this score alone is enough for an alert.
    severity, because
        What an alert by this score has, and what raised or lowered it.
    in_force
        Whitelist conditions, covers and mutes of the service.
    missing
        What the instance misses for an alert.
    silencers
        What would have made no alert of it.
    later
        What people said after this score.
    ended
        Whether the alert has ended since.
    """

    service: str
    instance: str
    time: float
    alert: bool
    key: str | None
    since: float | None
    phase: str
    enough: bool
    evidence: Evidence
    gate: Bar
    threshold: Bar
    rule: str
    rule_severity: Severity
    needs: list[Need]
    method: Voter
    methods: list[MethodSays]
    labels: list[str]
    severity: Severity
    because: list[str]
    silenced: str | None
    in_force: list[str]
    missing: list[Missing]
    silencers: list[str]
    later: list[str]
    ended: bool


def explanation(replayed: Replayed, adapter: Leaks, rules: Rules) -> Explanation:
    """Return the decision on a score with all its reasons."""
    explained = replayed.explained
    score, decision, subject = explained.record, explained.decision, explained.subject
    standing = explained.after.standing
    end = replayed.subject
    detected = voted(decision.method, adapter.opinions(score), decision.gate.value)[1]
    return Explanation(
        service=score.service,
        instance=score.instance,
        time=score.time,
        alert=standing is not None,
        key=standing.key if standing else None,
        since=standing.since if standing else None,
        phase=explained.phase,
        enough=decision.enough,
        evidence=_evidence(score),
        gate=Bar(decision.gate.value, decision.gate.words, detected),
        threshold=Bar(
            decision.threshold.value,
            decision.threshold.words,
            decision.confidence >= decision.threshold.value,
        ),
        rule=decision.rule.name,
        rule_severity=decision.rule.severity,
        needs=[
            Need(need.words(), need.value(score, decision.facts), need.holds(score, decision.facts))
            for need in decision.rule.needs
        ],
        method=decision.method,
        methods=list(_methods(explained, adapter)),
        labels=[label.words for label in subject.lessons.labels],
        severity=decision.severity,
        because=list(decision.because),
        silenced=decision.silenced,
        in_force=list(_in_force(explained, adapter)),
        missing=list(missing(explained, adapter)),
        silencers=list(silencers(explained, adapter, rules)) if explained.phase == "firing" else [],
        later=[_said(one) for one in replayed.later],
        ended=standing is not None and (end is None or end.standing is None),
    )


def _evidence(score: Score) -> Evidence:
    return Evidence(
        score.kind, score.confidence, score.memory, score.limit, score.left, score.trend, score.forecast,
        score.onset, score.onset_low, score.onset_high, score.reasons, score.turning_point,
    )  # fmt: skip


def _methods(explained: Explained[LeakMemory], adapter: Leaks) -> Iterator[MethodSays]:
    opinions = adapter.opinions(explained.record)
    for name in VOTERS:
        confidence, detected = voted(name, opinions, explained.decision.gate.value)
        accuracy = explained.subject.lessons.accuracy_of(name)
        yield MethodSays(name, round(accuracy, 4), confidence, detected)


def _in_force(explained: Explained[LeakMemory], adapter: Leaks) -> Iterator[str]:
    subject, time = explained.subject, explained.record.time
    if time < subject.muted_until:
        yield f"a label expected mutes the service until {moment(subject.muted_until)}"
    if (covered := explained.member.own.covered) is not None:
        yield (
            f"a label not-a-leak covers the growth of {explained.record.instance}"
            f" up to {size(covered.level)} and {rate(covered.rate, DAY)}"
        )
    if time < subject.usual_until:
        yield (
            f"a label not-a-leak makes a rise up to {size(subject.usual_size)} usual"
            f" until {moment(subject.usual_until)}"
        )
    for allowed in subject.lessons.allowed:
        if time < allowed.until:
            yield (
                f"whitelist {allowed.number}: {adapter.looks(allowed.bound)}, until {moment(allowed.until)}"
            )


def _said(one: Control) -> str:
    read = one.read
    what = f"said {read.verdict}" if isinstance(read, Label) else "deleted the service"
    if not isinstance(read, Label | ModelDelete):
        what = f"revoked whitelist {read.number}"
    reason = f" ({read.reason})" if read.reason else ""
    return f"{read.author} {what} on {moment(read.time)}{reason}"
