"""What labels teach about one service: its threshold, its best method, and what is whitelisted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from msgspec import Struct

from fleetleak.text import DAY, moment
from sinks.alerting.decision import VOTERS, Voter
from sinks.alerting.finding import Signature
from sinks.policy.rules import Threshold

_MOST_LABELS = 50
_ALPHA = 0.1  # of the exponentially weighted accuracy of each method
_FIRST_ACCURACY = 0.5
# A threshold and a method are learned from so many labels, and so many of each verdict.
_LEAST_LABELS, _LEAST_OF_EACH = 5, 2
_LOWEST, _HIGHEST = 0.3, 0.95
# So many labels `not-a-leak` of the newest five in a day, alike to this degree, make a condition.
_NEEDED, _OF, _WITHIN_SECONDS, _ALIKE = 3, 5, DAY, 0.8
_CONDITION_SECONDS = 30 * DAY
_WEAK = 0.5  # what a label of a tool counts


class Labelled(Struct, frozen=True, array_like=True):
    """One label with what was known when it was given.

    Parameters
    ----------
    about
        The alert's key, or who gave it and in which hour: a repetition counts once.
    confidence
        The highest confidence of what was labelled.
    right
        The methods that agreed with the label.
    """

    time: float
    about: str
    author: str
    leak: bool
    weak: bool
    confidence: float
    signature: Signature | None
    right: tuple[Voter, ...]

    @property
    def weight(self) -> float:
        """What it counts."""
        return _WEAK if self.weak else 1.0

    @property
    def words(self) -> str:
        """The label in words."""
        verdict = "leak" if self.leak else "not a leak"
        return f"{self.author} said {verdict} on {moment(self.time)} (confidence {self.confidence:.2f})"


class Allowed(Struct, frozen=True):
    """Findings that labels made no alerts: at most so large and so fast, until a time.

    Parameters
    ----------
    number
        Its name within the service.
    bound
        The kind, and the largest size and speed.
    alike
        How alike the labelled findings are, from 0 to 1.
    """

    number: int
    bound: Signature
    alike: float
    since: float
    until: float
    labels: tuple[str, ...]

    def matches(self, signature: Signature, time: float) -> bool:
        """Return whether a finding is still within the bounds."""
        return (
            time < self.until
            and signature.kind == self.bound.kind
            and signature.size <= self.bound.size
            and signature.rate <= self.bound.rate
        )


class Lessons(Struct, omit_defaults=True):
    """Everything that labels taught about one service; bounded.

    Parameters
    ----------
    accuracy
        By method, the exponentially weighted share of labels that it agreed with.
    given
        How many conditions were ever made: the number of the newest.
    """

    labels: list[Labelled] = []
    accuracy: dict[Voter, float] = {}
    allowed: list[Allowed] = []
    given: int = 0

    def add(self, label: Labelled, too_wide: Callable[[Signature], bool]) -> Allowed | None:
        """Learn from a label; return the condition that it completes, if any.

        Parameters
        ----------
        too_wide
            Returns whether a bound would match every finding until harm is near: then it is no condition.
        """
        others = [one for one in self.labels if one.about != label.about]
        if len(others) == len(self.labels):
            self.judge(label)  # a repetition says nothing new of the methods
        self.labels = [*others, label][-_MOST_LABELS:]
        return None if label.leak else self._condition(label, too_wide)

    def judge(self, label: Labelled) -> None:
        """Move the accuracy of each method by whether it agreed with a label."""
        for method in VOTERS:
            step = _ALPHA * label.weight * (float(method in label.right) - self.accuracy_of(method))
            self.accuracy[method] = self.accuracy_of(method) + step

    def before(self, time: float) -> Lessons:
        """Return what the labels before a time taught, as far as it is still known."""
        later = [one.number for one in self.allowed if one.since >= time]
        past = Lessons(
            labels=[one for one in self.labels if one.time < time],
            allowed=[one for one in self.allowed if one.since < time],
            given=min(later) - 1 if later else self.given,
        )
        if len(past.labels) == len(self.labels):
            past.accuracy = dict(self.accuracy)
            return past
        for label in past.labels:
            past.judge(label)
        return past

    def accuracy_of(self, method: Voter) -> float:
        """Return the share of labels that a method agreed with; newer labels count more."""
        return self.accuracy.get(method, _FIRST_ACCURACY)

    def method(self) -> Voter:
        """Return the most accurate method; until there are enough labels, the statistical one."""
        return max(VOTERS, key=self.accuracy_of) if self._enough() else VOTERS[0]

    def _enough(self) -> bool:
        leaks = sum(one.weight for one in self.labels if one.leak)
        others = sum(one.weight for one in self.labels if not one.leak)
        return leaks + others >= _LEAST_LABELS and min(leaks, others) >= _LEAST_OF_EACH

    def threshold(self) -> Threshold | None:
        """Return the threshold with the highest F1 over the labels; None for too few labels."""
        if not self._enough():
            return None
        leaks = [one for one in self.labels if one.leak]
        others = [one for one in self.labels if not one.leak]
        value = min(max(_best(leaks, others), _LOWEST), _HIGHEST)
        said = f"{value:.2f}, learned from {len(leaks)} labels leak and {len(others)} not-a-leak"
        return Threshold(value, said)

    def allows(self, signature: Signature, time: float) -> Allowed | None:
        """Return the condition that takes a finding for no alert."""
        return next((one for one in self.allowed if one.matches(signature, time)), None)

    def revoke(self, number: int) -> bool:
        """Remove a condition; return whether there was one."""
        before = len(self.allowed)
        self.allowed = [one for one in self.allowed if one.number != number]
        return len(self.allowed) < before

    def _condition(self, label: Labelled, too_wide: Callable[[Signature], bool]) -> Allowed | None:
        recent = [one for one in self.labels if label.time - one.time <= _WITHIN_SECONDS][-_OF:]
        like = [
            (one, one.signature, similarity(one.signature, label.signature))
            for one in recent
            if not one.leak and not one.weak and one.signature is not None and label.signature is not None
        ]
        like = [one for one in like if one[2] >= _ALIKE]
        if len(like) < _NEEDED or label.signature is None:
            return None
        size, rate = (max(getattr(s, name) for _, s, _ in like) / _ALIKE for name in ("size", "rate"))
        bound = Signature(label.signature.kind, size, rate)
        if too_wide(bound):
            return None
        self.given += 1
        made = Allowed(
            self.given, bound, round(min(alike for _, _, alike in like), 3), label.time,
            label.time + _CONDITION_SECONDS, tuple(one.words for one, _, _ in like),
        )  # fmt: skip
        # One for each kind, so they are few.
        kept = [one for one in self.allowed if one.until > label.time and one.bound.kind != bound.kind]
        self.allowed = [*kept, made]
        return made


def similarity(one: Signature | None, other: Signature | None) -> float:
    """Return how alike two findings are, from 0 to 1: how near their speeds are. Different kinds are not.

    The size does not count: each label makes a size usual, so the next alert has a larger one.

    Examples
    --------
    >>> similarity(Signature("linear", 100.0, 2.0), Signature("linear", 300.0, 1.6))
    0.8
    """
    if one is None or other is None or one.kind != other.kind:
        return 0.0
    slow, fast = sorted((one.rate, other.rate))
    return max(slow, 0.0) / fast if fast > 0 else 1.0


def _best(leaks: Sequence[Labelled], others: Sequence[Labelled]) -> float:
    """Return the threshold with the highest F1: of several, the one between the widest gap."""
    values = sorted({one.confidence for one in (*leaks, *others)})
    edges = [0.0, *values, 1.0]
    middles = [(high - low, (low + high) / 2) for low, high in pairwise(edges)]
    return max(middles, key=lambda m: (round(_f1(m[1], leaks, others), 9), m[0]))[1]


def _f1(threshold: float, leaks: Sequence[Labelled], others: Sequence[Labelled]) -> float:
    right = sum(one.weight for one in leaks if one.confidence >= threshold)
    missed = sum(one.weight for one in leaks) - right
    wrong = sum(one.weight for one in others if one.confidence >= threshold)
    return 2 * right / (2 * right + missed + wrong) if right else 0.0
