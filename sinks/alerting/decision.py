"""Whether a finding is an alert and how severe, with every reason: what `fleetleak explain` prints.

It depends on the record, on the state of its subject and on the policy alone.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.alert import SEVERITIES, Severity
from fleetleak.text import DAY, HOUR, duration
from sinks.alerting.finding import Finding, Opinion
from sinks.policy.rules import Facts, Rule, Threshold

Voter = Literal["statistical", "learned", "vote"]
VOTERS: tuple[Voter, ...] = ("statistical", "learned", "vote")
# One of two methods is enough if the mean of both confidences reaches this.
VOTE_MEAN = 0.6
# Harm is near below the first lower bound, and far above the second or without a forecast.
_NEAR_SECONDS, _FAR_SECONDS = HOUR, 14 * DAY


class Decision(Struct, frozen=True, kw_only=True):
    """One decision.

    Parameters
    ----------
    confidence, method
        The confidence that counts, and the method that gives it.
    gate
        What the confidence must reach for an alert at all.
    threshold
        What it must reach for the severity of the rule.
    rule
        The rule that fits.
    facts
        What the conditions of the rules know of the finding beside its record.
    unmet
        What the rule needs and the finding does not have, in words.
    silenced
        Why it is no alert although the evidence is enough; None where nothing silences it.
    enough
        Whether it is enough for an alert.
    severity, because
        How much attention it deserves, and what raised or lowered that.
    """

    confidence: float
    method: Voter
    gate: Threshold
    threshold: Threshold
    rule: Rule
    facts: Facts
    unmet: tuple[str, ...]
    silenced: str | None
    enough: bool
    severity: Severity
    because: tuple[str, ...]


def voted(method: Voter, opinions: tuple[Opinion, Opinion], gate: float) -> tuple[float, bool]:
    """Return the confidence by one way of voting, and whether it detects something.

    Parameters
    ----------
    opinions
        Of the statistical and of the learned methods.

    Examples
    --------
    >>> both = Opinion(0.7, True), Opinion(0.9, True)
    >>> [voted(method, both, 0.5) for method in VOTERS]
    [(0.7, True), (0.9, True), (0.9, True)]
    >>> voted("vote", (Opinion(0.7, True), Opinion(0.4, False)), 0.5)
    (0.55, False)
    """
    statistical, learned = opinions
    if method == "statistical":
        return statistical.confidence, statistical.confidence >= gate
    if method == "learned":
        return learned.confidence, learned.detected and learned.confidence >= gate
    if statistical.confidence >= gate and learned.detected:
        return max(statistical.confidence, learned.confidence), True
    mean = round((statistical.confidence + learned.confidence) / 2, 4)
    one = statistical.confidence >= gate or learned.detected
    return mean, one and mean >= VOTE_MEAN


def severity(rule: Rule, met: bool, finding: Finding, harm: str | None) -> tuple[Severity, tuple[str, ...]]:
    """Return the severity of a finding, and what moved it away from its rule's.

    Parameters
    ----------
    met
        Whether the confidence and everything else that the rule needs is there.
    harm
        What is felt already, such as tasks that wait for memory; None for nothing.
    """
    rank, because = SEVERITIES.index(rule.severity), [f"{rule.severity} by rule {rule.name}"]
    if not met:
        rank -= 1
        because.append("lowered: the rule needs more")
    if finding.left is None or finding.left > _FAR_SECONDS:
        far = "no forecast" if finding.left is None else f"at least {duration(finding.left)} left"
        rank -= 1
        because.append(f"lowered: {far}")
    elif finding.left < _NEAR_SECONDS:
        rank = max(rank, SEVERITIES.index("critical" if met else "high"))
        because.append(f"raised: perhaps only {duration(finding.left)} left")
    if harm is not None:
        rank = rank + 1
        because.append(f"raised: {harm}")
    return SEVERITIES[min(max(rank, 0), len(SEVERITIES) - 1)], tuple(because)
