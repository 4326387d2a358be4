"""What would have changed a decision: what an alert misses, and what would have silenced it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from fleetleak.records import LEAK_KINDS, Score
from fleetleak.text import DAY, duration, moment, rate, size
from sinks.alerting.decision import VOTE_MEAN, voted
from sinks.alerting.explained import Explained
from sinks.alerting.finding import Opinion, Signature
from sinks.alerting.leak.adapter import LeakMemory, Leaks
from sinks.alerting.leak.growth import gained, usual
from sinks.alerting.lessons import Allowed
from sinks.policy.rules import Rules, Whitelisted


class Missing(Struct, frozen=True):
    """One thing that is missing for an alert.

    Parameters
    ----------
    what
        `growth`, `mute`, `confidence`, `usual`, `silenced`, `restart`, `confirmations` or `hold`.
    value, needs
        Its number and the number that it needs, where it has some.
    """

    what: str
    words: str
    value: float | None = None
    needs: float | None = None


def two(value: float, other: float) -> tuple[str, str]:
    """Return two confidences as text, with as many digits as they need to differ.

    Examples
    --------
    >>> two(0.42, 0.5), two(0.4999, 0.5)
    (('0.42', '0.50'), ('0.4999', '0.5000'))
    """
    short = f"{value:.2f}", f"{other:.2f}"
    return short if short[0] != short[1] or value == other else (f"{value:.4f}", f"{other:.4f}")


def missing(explained: Explained[LeakMemory], adapter: Leaks) -> Iterator[Missing]:
    """Yield what the instance misses for an alert by this score; nothing if it is firing with enough."""
    finding, decision, subject = explained.finding, explained.decision, explained.subject
    score: Score = explained.record
    if score.time < subject.muted_until:
        yield Missing("mute", f"a label expected mutes the service until {moment(subject.muted_until)}")
    if not finding.shown:
        harmless = score.trend is not None and score.kind not in LEAK_KINDS
        yield Missing("growth", f"its growth is of the kind {score.kind}" if harmless else "nothing grows")
        return
    yield from _undetected(explained, adapter.opinions(score))
    if finding.usual:
        value, most = gained(score), _usual(explained)
        yield Missing(
            "usual", f"a rise of {size(value)} is usual here: it needs {size(most)} or more", value, most
        )
    if decision.silenced is not None:
        yield Missing("silenced", f"silenced: {decision.silenced}")
    if decision.enough and finding.restarted and explained.phase == "quiet":
        yield Missing("restart", "it has just restarted: the first score of a run is no alert")
    if decision.enough and explained.phase == "suspected":
        yield from _unconfirmed(explained)


def _undetected(explained: Explained[LeakMemory], opinions: tuple[Opinion, Opinion]) -> Iterator[Missing]:
    decision = explained.decision
    gate, confidence = decision.gate, decision.confidence
    if voted(decision.method, opinions, gate.value)[1]:
        return
    if decision.method == "vote":
        trend, learned = opinions
        mean, needed = two(confidence, VOTE_MEAN)
        yield Missing(
            "confidence",
            f"the vote: mean confidence {mean}, needs {needed}, and one method that detects it (trend"
            f" {trend.confidence:.2f} of {gate.value:.2f}, learned {_detects(learned)})",
            confidence, VOTE_MEAN,
        )  # fmt: skip
    elif decision.method == "learned" and not opinions[1].detected:
        yield Missing("confidence", "no learned method detects it", confidence, gate.value)
    else:
        has, needs = two(confidence, gate.value)
        yield Missing("confidence", f"confidence {has}, needs {needs} ({gate.words})", confidence, gate.value)


def _detects(opinion: Opinion) -> str:
    return f"{opinion.confidence:.2f}" if opinion.detected else "none"


def _unconfirmed(explained: Explained[LeakMemory]) -> Iterator[Missing]:
    life, memory = explained.life, explained.after.members[explained.record.instance].memory
    if memory.confirmed < life.confirmations:
        yield Missing(
            "confirmations",
            f"{memory.confirmed} of {life.confirmations} scores in a row that are enough",
            memory.confirmed, life.confirmations,
        )  # fmt: skip
    held = explained.record.time - memory.suspected_at
    if held < life.hold:
        yield Missing("hold", f"enough for {duration(held)} of {duration(life.hold)}", held, life.hold)


def _usual(explained: Explained[Any]) -> float:
    score = explained.record
    return usual(score, explained.subject.usual(score.time))


def silencers(explained: Explained[LeakMemory], adapter: Leaks, rules: Rules) -> Iterator[str]:
    """Yield what would have made no alert of it, each with how far it was from it."""
    score, decision = explained.record, explained.decision
    if decision.method == "statistical":
        yield f"a confidence below {decision.gate.value:.2f} ({decision.gate.words})"
    elif decision.method == "learned":
        yield f"learned methods that are less sure than {decision.gate.value:.2f}, or detect nothing"
    else:
        yield f"a vote with a mean confidence below {VOTE_MEAN:.2f}, and a method that disagrees"
    if (most := _usual(explained)) > 0:
        yield f"a rise of less than {size(most)}, which is usual here (it was {size(gained(score))})"
    covered, trend = explained.member.own.covered, score.trend
    if covered is not None and trend is not None and not covered.holds(score):
        yield (
            f"the label not-a-leak covers it up to {size(covered.level)} and {rate(covered.rate, DAY)}"
            f" (it was at {size(trend.level)} and {rate(trend.growth_low, DAY)})"
        )
    signature = adapter.signature(explained.member.own)
    for allowed in explained.subject.lessons.allowed:
        if signature is not None and score.time < allowed.until:
            yield f"whitelist {allowed.number}, {adapter.looks(allowed.bound)}: {_beyond(allowed, signature)}"
    for entry in rules.whitelist:
        if score.time < entry.until:
            yield f"the policy file's whitelist ({entry.reason}): {_unlike(entry, explained)}"
    if explained.member.memory.phase == "firing":
        clearing = duration(explained.life.clearing(explained.member.memory))
        yield f"it stands already: it ends when its evidence is gone for {clearing}"


def _beyond(allowed: Allowed, signature: Signature) -> str:
    """Return in which ways a growth is beyond the bounds of a condition."""
    bound = allowed.bound
    said = [
        f"the kind is {signature.kind}" if signature.kind != bound.kind else "",
        f"the rise is {size(signature.size)}" if signature.size > bound.size else "",
        f"the growth is {rate(signature.rate, DAY)}" if signature.rate > bound.rate else "",
    ]
    return " and ".join(filter(None, said)) or "it matches"


def _unlike(entry: Whitelisted, explained: Explained[Any]) -> str:
    score, facts = explained.record, explained.decision.facts
    failing = [c for c in entry.where if not c.holds(score, facts)]
    said = [f"{c.words()} (it is {c.value(score, facts)})" for c in failing]
    return f"only if {' and '.join(said)}" if said else "it matches"
