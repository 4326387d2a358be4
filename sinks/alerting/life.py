"""The life of an alert on one instance: a state machine over its findings, in event time.

It knows no kind of finding. quiet -> suspected -> firing -> quiet; a restart leaves it firing, and waiting
for the finding to return.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fleetleak.records.alert import AlertState, Certainty, Urgency
from fleetleak.records.types import Kind
from fleetleak.text import DAY
from sinks.alerting.finding import Finding

_VOTE_LIFE = 0.5  # windows of the evidence after which a vote for a kind counts half
_HEAD_START = 0.05  # windows that count as votes for the first kind
# After a restart a finding has this many times as long to return as it took to be found: from the start of
# the run, if it was found within a day of it, else from the onset.
_PATIENCE = 2.0
_EARLY_SECONDS = DAY
_MOST_PATIENCE_SECONDS = 7 * DAY
# The evidence must be gone for so many of its windows before the alert ends.
_CLEAR_WINDOWS = 0.5
# The growth after a restart is the same growth within this factor.
_SAME = 1.5
AlertPhase = Literal["quiet", "suspected", "firing"]


class AlertMemory(Struct, omit_defaults=True, gc=False):
    """The state of one instance's alert; constant size. Times in unix seconds.

    Parameters
    ----------
    onset
        The earliest onset of its findings.
    window
        The seconds that the newest supporting evidence covers; it was at `seen_at`.
    held
        Whether the growth is held back.
    waiting_since
        When it restarted first since the finding was there, or was killed last; None while it is there.
    restarts, rate
        How often it restarted while firing, and the speed of the finding before the newest restart.
    took
        The seconds from the start of the run, or from the onset, until it was found.
    """

    phase: AlertPhase = "quiet"
    confirmed: int = 0
    suspected_at: float = 0.0
    closed_at: float | None = None
    onset: float | None = None
    certainty: Certainty = "early"
    kind: Kind = "stable"
    votes: dict[Kind, float] = {}
    voted_at: float = 0.0
    seen_at: float = 0.0
    window: float = 0.0
    held: bool = False
    waiting_since: float | None = None
    restarts: int = 0
    rate: float | None = None
    took: float = 0.0


class Transition(Struct, frozen=True, gc=False):
    """One step in the life of one instance's alert."""

    state: AlertState
    time: float
    onset: float | None
    certainty: Certainty
    urgency: Urgency
    kind: Kind
    news: str | None = None
    closed_by: str | None = None


class Life(Struct, frozen=True, kw_only=True):
    """How an alert begins, stands and ends.

    Parameters
    ----------
    sure
        The confidence for certainty `sure`, together with a forecast.
    confirmations, hold
        How long the evidence must last before an alert: in records in a row, and in seconds of event time.
    clear_least
        The least seconds for which the evidence must be gone before the alert ends.
    reopen
        The seconds within which a new alert continues the one before: one alert per finding.
    """

    sure: float
    confirmations: int
    hold: float
    clear_least: float
    reopen: float

    def step(self, memory: AlertMemory, finding: Finding, enough: bool, age: float) -> Transition | None:
        """Return the transition that a finding causes, and change `memory`.

        Each finding must be newer than the one before.

        Parameters
        ----------
        enough
            Whether the finding is enough for an alert.
        age
            The seconds since the run of the instance began.
        """
        if memory.phase == "firing":
            return self._stand(memory, finding, enough)
        if finding.restarted or not enough:
            memory.phase, memory.confirmed = "quiet", 0
            return None
        return self._suspect(memory, finding, age)

    @staticmethod
    def skip(memory: AlertMemory, seconds: float) -> None:
        """Leave out a time without data: evidence that nobody could see is not gone."""
        memory.seen_at += seconds
        if memory.waiting_since is not None:
            memory.waiting_since += seconds

    def repeat(self, memory: AlertMemory, finding: Finding) -> Transition:
        """Return an update of a firing alert, with its newest finding."""
        return self._transition(memory, finding, "updated")

    def patience(self, memory: AlertMemory) -> float:
        """Return the seconds that a finding has to return after a restart."""
        return min(max(_PATIENCE * memory.took, self.clearing(memory)), _MOST_PATIENCE_SECONDS)

    def clearing(self, memory: AlertMemory) -> float:
        """Return the seconds for which the evidence must be gone before the alert ends."""
        return max(_CLEAR_WINDOWS * memory.window, self.clear_least)

    def _suspect(self, memory: AlertMemory, finding: Finding, age: float) -> Transition | None:
        reopened = memory.closed_at is not None and finding.time - memory.closed_at < self.reopen
        if memory.phase == "quiet":
            memory.phase, memory.suspected_at = "suspected", finding.time
            memory.onset = memory.onset if reopened else None
            memory.restarts = memory.restarts if reopened else 0
        memory.confirmed += 1
        memory.onset = earliest(memory.onset, finding.onset)
        if memory.confirmed < self.confirmations or finding.time - memory.suspected_at < self.hold:
            return None
        memory.phase, memory.held, memory.waiting_since = "firing", False, None
        memory.certainty = self._certainty(finding)
        memory.kind, memory.voted_at = finding.kind, finding.time
        since = memory.suspected_at if finding.onset is None else finding.onset
        memory.took = age if age <= _EARLY_SECONDS else finding.time - since
        self._remember(memory, finding)
        memory.votes = {finding.kind: _HEAD_START * memory.window}
        return self._transition(memory, finding, "firing")

    def _stand(self, memory: AlertMemory, finding: Finding, enough: bool) -> Transition | None:
        if finding.restarted or finding.killed:
            return self._restart(memory, finding)
        if memory.waiting_since is not None:
            return self._wait(memory, finding, enough, memory.waiting_since)
        was_held, memory.held = memory.held, finding.held is not None
        if memory.held or was_held:
            memory.seen_at = finding.time  # a growth that is held back has not stopped
        if (why := self._ended(memory, finding)) is not None:
            return self._close(memory, finding, why)
        if finding.news is not None:
            return self._transition(memory, finding, "updated", finding.news)
        if finding.held is not None:
            return None if was_held else self._transition(memory, finding, "updated", finding.held)
        if not finding.supports:
            return None
        self._remember(memory, finding)
        return self._update(memory, finding)

    def _restart(self, memory: AlertMemory, finding: Finding) -> Transition:
        memory.restarts += 1
        memory.seen_at = finding.time
        # Counted from the first one, or what restarts again and again would wait for ever. Who is killed for
        # lack of memory has shown that it grew.
        if memory.waiting_since is None or finding.killed:
            memory.waiting_since = finding.time
        memory.confirmed, memory.held = 0, False
        how = "killed for lack of memory" if finding.killed else "restarted"
        return self._transition(memory, finding, "updated", f"{how}: whether it grows again is watched")

    def _wait(self, memory: AlertMemory, finding: Finding, enough: bool, since: float) -> Transition | None:
        """Wait for the finding to return after a restart."""
        memory.confirmed = memory.confirmed + 1 if enough else 0
        if memory.confirmed >= self.confirmations:
            before, memory.waiting_since = memory.rate, None
            memory.took = max(memory.took, finding.time - since)
            self._remember(memory, finding)
            return self._transition(memory, finding, "updated", _again(memory.restarts, before, finding.rate))
        if not enough and finding.time - since > self.patience(memory):
            return self._close(memory, finding, "it did not grow again after the restart")
        return None

    def _ended(self, memory: AlertMemory, finding: Finding) -> str | None:
        if finding.over is not None:
            return finding.over
        if finding.time - memory.seen_at > self.clearing(memory):
            return "growth stopped"
        return None

    def _close(self, memory: AlertMemory, finding: Finding, why: str) -> Transition:
        memory.phase, memory.confirmed, memory.closed_at = "quiet", 0, finding.time
        memory.waiting_since = None
        return self._transition(memory, finding, "resolved", closed_by=why)

    @staticmethod
    def _remember(memory: AlertMemory, finding: Finding) -> None:
        memory.onset = earliest(memory.onset, finding.onset)
        if finding.window:
            memory.seen_at, memory.window, memory.rate = finding.time, finding.window, finding.rate

    def _certainty(self, finding: Finding) -> Certainty:
        return "sure" if finding.confidence >= self.sure and finding.forecast else "early"

    def _update(self, memory: AlertMemory, finding: Finding) -> Transition | None:
        changed = self._renamed(memory, finding)
        surer = memory.certainty == "early" and self._certainty(finding) == "sure"
        if not (changed or surer or finding.outdated):
            return None
        memory.kind = finding.kind if changed else memory.kind
        memory.certainty = "sure" if surer else memory.certainty
        return self._transition(memory, finding, "updated")

    @staticmethod
    def _renamed(memory: AlertMemory, finding: Finding) -> bool:
        """Return whether the kind of the alert changes.

        Single findings waver between kinds, so each kind gets the seconds it lasted as votes. Votes fade:
        half a window later they count half.
        """
        elapsed = finding.time - memory.voted_at
        fade = 2.0 ** (-elapsed / max(_VOTE_LIFE * memory.window, 1.0))
        memory.votes = {kind: fade * votes for kind, votes in memory.votes.items()}
        memory.votes[finding.kind] = memory.votes.get(finding.kind, 0.0) + elapsed
        memory.voted_at = finding.time
        own = memory.votes.get(memory.kind, 0.0)
        return finding.kind != memory.kind and memory.votes[finding.kind] > own

    @staticmethod
    def _transition(
        memory: AlertMemory,
        finding: Finding,
        state: AlertState,
        news: str | None = None,
        closed_by: str | None = None,
    ) -> Transition:
        soon: Urgency = "now" if memory.held else finding.urgency
        return Transition(
            state, finding.time, memory.onset, memory.certainty, soon, memory.kind, news, closed_by
        )


def earliest(one: float | None, other: float | None) -> float | None:
    """Return the earlier of two times that may be unknown."""
    return min((time for time in (one, other) if time is not None), default=None)


def _again(restarts: int, before: float | None, now: float | None) -> str:
    times = "1 restart" if restarts == 1 else f"{restarts} restarts"
    if not before or now is None or before < 0:
        return f"grows again after {times}"
    if 1.0 / _SAME <= now / before <= _SAME:
        return f"grows again after {times}, as fast as before"
    return f"grows again after {times}, at {now / before:.2g} times the speed"
