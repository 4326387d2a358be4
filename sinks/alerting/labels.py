"""What a label does to a subject: it covers findings, makes a size usual, mutes, and teaches."""

from __future__ import annotations

from typing import Any

from fleetleak.records import Label
from fleetleak.records.types import MOST_BYTES
from fleetleak.text import DAY, HOUR
from sinks.alerting.decision import VOTERS, voted
from sinks.alerting.finding import Adapter, Opinion, Signature
from sinks.alerting.lessons import Allowed, Labelled
from sinks.alerting.subject import Evidence, Member, Subject

# A size that a label called usual is usual up to this factor, for so long.
_USUAL_MARGIN = 1.5
_USUAL_SECONDS = 30 * DAY
_EXPECTED_SECONDS = 7 * DAY


def cover(subject: Subject[Any], adapter: Adapter[Any, Any], time: float) -> None:
    """Apply a label `not-a-leak`: cover what every instance shows now.

    Where its alert is firing, a finding of this size is usual for the subject, for thirty days.
    """
    for member in subject.members.values():
        if not adapter.cover(member.own) or member.memory.phase != "firing":
            continue
        signature = adapter.signature(member.own)
        size = min(_USUAL_MARGIN * signature.size, float(MOST_BYTES)) if signature else 0.0
        subject.usual_size = max(subject.usual(time), size)
        subject.usual_until = time + _USUAL_SECONDS


def expect(subject: Subject[Any], label: Label, time: float) -> None:
    """Apply a label `expected`: mute the subject until the label expires, or for a week."""
    subject.muted_until = label.expires or time + _EXPECTED_SECONDS


def learn(
    subject: Subject[Any], adapter: Adapter[Any, Any], label: Label, time: float, gate: float
) -> Allowed | None:
    """Learn from a label; return the whitelist condition that it completes, if any.

    A label `expected` teaches only if a tool gave it: somebody silenced the alert.
    """
    if label.verdict == "expected" and not label.weak:
        return None
    ended = subject.closed if label.alert is not None and subject.standing is None else None
    known = ended.evidence if ended else evidence(subject, adapter)
    if known is None:
        return None
    leak = label.verdict == "leak"
    right = tuple(method for method in VOTERS if voted(method, known.opinions, gate)[1] == leak)
    alert = subject.standing or ended
    about = alert.key if alert else f"{label.author} {time // HOUR:.0f}"
    given = Labelled(time, about, label.author, leak, label.weak, known.confidence, known.signature, right)
    member = _labelled(subject)

    def too_wide(bound: Signature) -> bool:
        return member is None or adapter.too_wide(bound, member.own)

    return subject.lessons.add(given, too_wide)


_NO_OPINIONS = (Opinion(), Opinion())


def evidence(subject: Subject[Any], adapter: Adapter[Any, Any]) -> Evidence | None:
    """Return what a label would refer to now; None for a subject without instances."""
    standing, member = subject.standing, _labelled(subject)
    if member is None:
        # The instance of the alert is gone: what was published of it is known.
        confidence = standing.published.confidence if standing else 0.0
        return Evidence(confidence, None, (Opinion(confidence, True), Opinion())) if standing else None
    looks = adapter.signature(member.own)
    if looks is not None and standing is not None:
        looks = Signature(standing.published.kind, looks.size, looks.rate)
    return Evidence(max(member.highest, member.confidence), looks, member.opinions or _NO_OPINIONS)


def taught(subject: Subject[Any], time: float) -> Subject[Any]:
    """Return a subject without any record, with what labels before a time taught."""
    past: Subject[Any] = Subject(lessons=subject.lessons.before(time))
    if subject.usual_until - _USUAL_SECONDS < time:
        past.usual_size, past.usual_until = subject.usual_size, subject.usual_until
    return past


def _labelled(subject: Subject[Any]) -> Member[Any] | None:
    """Return the instance that a label means: that of the alert; without one, that with most evidence."""
    if subject.standing is not None:
        return subject.members.get(subject.standing.published.instance)
    return max(subject.members.values(), key=lambda m: (m.confidence, m.time), default=None)
