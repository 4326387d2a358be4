"""The life of one alert: a state machine over the scores of one instance, in event time."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records import LEAK_KINDS, Score
from fleetleak.records.alert import URGENCIES, AlertState, Severity, Urgency
from fleetleak.records.types import Kind
from sinks.alerting.growth import Covered, Growth, growth_of
from sinks.alerting.news import Told, blocked_by, limit_moved, told_of, urgency

_VOTE_LIFE = 0.5  # windows of the trend after which a vote for a kind counts half
_HEAD_START = 0.05  # windows that count as votes for the first kind
AlertPhase = Literal["quiet", "suspected", "firing"]


class AlertMemory(Struct, omit_defaults=True, gc=False):
    """The state of one instance's alert; constant size.

    `since` names the alert: it stays the same when a resolved alert fires again within `Policy.reopen`.
    `onset` is the earliest onset in the scores of this growth. `window` is the window of its trend, in
    seconds. Memory below `floor`, in bytes, counts as given back; `below` is how many scores in a row show
    this. `blocked` says that the growth cannot continue. `covered` is a growth that a label called no leak.
    """

    phase: AlertPhase = "quiet"
    confirmed: int = 0
    suspected_at: float = 0.0
    since: float = 0.0
    closed_at: float | None = None
    onset: float | None = None
    severity: Severity = "early"
    kind: Kind = "stable"
    votes: dict[Kind, float] = {}
    voted_at: float = 0.0
    seen_at: float = 0.0
    window: float = 0.0
    floor: float = 0.0
    below: int = 0
    blocked: bool = False
    told: Told | None = None
    growth: Growth | None = None
    covered: Covered | None = None
    oom_kills: int | None = None


class Transition(Struct, frozen=True, gc=False):
    """One step in the life of an alert; it is published with the evidence of its score."""

    state: AlertState
    time: float
    since: float
    onset: float | None
    severity: Severity
    urgency: Urgency
    kind: Kind
    news: str | None = None
    closed_by: str | None = None


class Policy(Struct, frozen=True, kw_only=True):
    """The rules by which an alert fires, is updated and resolved.

    Parameters
    ----------
    fire, clear
        The confidence at which an alert fires, and below which a score no longer supports it (hysteresis).
    sure
        The confidence for severity `sure`, together with a forecast.
    confirmations, hold
        How long the evidence must last before an alert: in scores in a row, and in seconds of event time.
    clear_windows, clear_least
        How long the evidence must be gone before the alert ends: in windows of its trend, and in seconds.
        The longer one counts.
    high_water, high_fire
        From this `limit_used` share on, the confidence `high_fire` is enough where there is a forecast.
    reopen
        The seconds within which a new alert continues the one before: one alert per leak.
    """

    fire: float = 0.5
    clear: float = 0.1
    sure: float = 0.8
    confirmations: int = 2
    hold: float = 0.0
    clear_windows: float = 0.5
    clear_least: float = 0.0
    high_water: float = 0.9
    high_fire: float = 0.3
    reopen: float = 6 * 3600.0

    def step(self, memory: AlertMemory, score: Score) -> list[Transition]:
        """Return the transitions that a score causes, and change `memory`.

        Each score must be newer than the one before.
        """
        killed = memory.oom_kills is not None and (score.oom_kills or 0) > memory.oom_kills
        memory.oom_kills = score.oom_kills
        memory.growth = growth_of(score)
        if score.restarted:
            memory.covered = None
        if memory.phase == "firing":
            return self._stand(memory, score, killed)
        if score.restarted or not self._enough(memory, score):
            memory.phase, memory.confirmed = "quiet", 0
            return []
        return self._suspect(memory, score)

    def repeat(self, memory: AlertMemory, score: Score) -> Transition:
        """Return an update of an instance's firing alert, with its newest score."""
        return self._tell(memory, score, "updated")

    def _enough(self, memory: AlertMemory, score: Score) -> bool:
        if score.trend is None or score.kind not in LEAK_KINDS:
            return False
        if memory.covered is not None and memory.covered.holds(score):
            return False
        if score.trend.rise * score.trend.strength < score.trend.normal_rise:
            return False
        high = score.room_used is not None and score.room_used >= self.high_water
        return score.confidence >= (self.high_fire if high and score.forecast else self.fire)

    def _suspect(self, memory: AlertMemory, score: Score) -> list[Transition]:
        reopened = memory.closed_at is not None and score.time - memory.closed_at < self.reopen
        if memory.phase == "quiet":
            memory.phase, memory.suspected_at = "suspected", score.time
            memory.onset = memory.onset if reopened else None
        memory.confirmed += 1
        memory.onset = _earliest(memory.onset, score.onset)
        if memory.confirmed < self.confirmations or score.time - memory.suspected_at < self.hold:
            return []
        memory.since = memory.since if reopened else score.time
        memory.phase, memory.below, memory.blocked, memory.covered = "firing", 0, False, None
        memory.severity = self._severity(score)
        memory.kind, memory.voted_at = score.kind, score.time
        self._remember(memory, score)
        memory.votes = {score.kind: _HEAD_START * memory.window}
        return [self._tell(memory, score, "firing")]

    def _stand(self, memory: AlertMemory, score: Score, killed: bool) -> list[Transition]:
        was_blocked, blocked = memory.blocked, blocked_by(score, memory.blocked)
        memory.blocked = blocked is not None
        if memory.blocked or was_blocked:
            memory.seen_at = score.time  # a growth that is blocked has not stopped
        if (reason := self._ended(memory, score, killed)) is not None:
            memory.phase, memory.confirmed, memory.closed_at = "quiet", 0, score.time
            memory.onset = None if score.restarted else memory.onset
            return [self._tell(memory, score, "resolved", closed_by=reason)]
        if moved := limit_moved(memory.told, score):
            return [self._tell(memory, score, "updated", news=moved)]
        if blocked is not None:
            return [] if was_blocked else [self._tell(memory, score, "updated", news=blocked)]
        if memory.below or score.confidence < self.clear or score.kind not in LEAK_KINDS:
            return []
        self._remember(memory, score)
        return self._update(memory, score)

    def _ended(self, memory: AlertMemory, score: Score, killed: bool) -> str | None:
        if score.restarted or killed:
            return "out of memory" if killed else "restart"
        memory.below = memory.below + 1 if score.memory is not None and score.memory < memory.floor else 0
        if memory.below >= self.confirmations:
            return "memory was given back"
        if score.time - memory.seen_at > max(self.clear_windows * memory.window, self.clear_least):
            return "growth stopped"
        return None

    def _remember(self, memory: AlertMemory, score: Score) -> None:
        trend = score.trend
        if trend is None:
            return
        memory.onset = _earliest(memory.onset, score.onset)
        memory.seen_at, memory.window = score.time, trend.window
        # Counted from the lower edge: a sawtooth gives back much at every tooth and still leaks.
        memory.floor = trend.level - 0.5 * trend.rise

    def _severity(self, score: Score) -> Severity:
        return "sure" if score.confidence >= self.sure and score.forecast is not None else "early"

    def _update(self, memory: AlertMemory, score: Score) -> list[Transition]:
        changed = self._renamed(memory, score)
        worse = memory.severity == "early" and self._severity(score) == "sure"
        told = memory.told
        if not (changed or worse or told is None or told.is_old(score)):
            return []
        memory.kind = score.kind if changed else memory.kind
        memory.severity = "sure" if worse else memory.severity
        return [self._tell(memory, score, "updated")]

    def _renamed(self, memory: AlertMemory, score: Score) -> bool:
        """Return whether the kind of the alert changes.

        Single scores waver between kinds, so each kind gets the seconds it lasted as votes. Votes fade: half
        a window later they count half.
        """
        elapsed = score.time - memory.voted_at
        fade = 2.0 ** (-elapsed / max(_VOTE_LIFE * memory.window, 1.0))
        memory.votes = {kind: fade * votes for kind, votes in memory.votes.items()}
        memory.votes[score.kind] = memory.votes.get(score.kind, 0.0) + elapsed
        memory.voted_at = score.time
        return score.kind != memory.kind and memory.votes[score.kind] > memory.votes.get(memory.kind, 0.0)

    def _tell(
        self,
        memory: AlertMemory,
        score: Score,
        state: AlertState,
        news: str | None = None,
        closed_by: str | None = None,
    ) -> Transition:
        soon = "now" if memory.blocked else urgency(score)
        memory.told = told_of(score, soon)
        return Transition(
            state, score.time, memory.since, memory.onset, memory.severity, soon, memory.kind, news, closed_by
        )


def more_urgent(one: Urgency, other: Urgency) -> bool:
    """Return whether `one` leaves less time than `other`."""
    return URGENCIES.index(one) > URGENCIES.index(other)


def _earliest(one: float | None, other: float | None) -> float | None:
    return min((time for time in (one, other) if time is not None), default=None)
