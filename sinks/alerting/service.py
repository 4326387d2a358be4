"""The stored state of one service: its instances and its firing alert."""

from __future__ import annotations

import msgspec

from fleetleak.liveness import alive
from fleetleak.records import Alert
from sinks.alerting.policy import AlertMemory, Transition, more_urgent

# It is news when the number of leaking instances changes by this factor.
_MANY_MORE = 2


class Member(msgspec.Struct, omit_defaults=True):
    """One instance: its state machine, the time of its newest score, and the seconds since the one before."""

    memory: AlertMemory
    time: float = 0.0
    gap: float = 0.0

    def heard(self, time: float) -> None:
        """Record the event time of a new score."""
        self.gap, self.time = (time - self.time if self.time else 0.0), time


class Standing(msgspec.Struct, omit_defaults=True):
    """The alert that is firing for a service.

    `confirmed` has the authors who labelled it a leak. `told` is its last published transition. `stale` says
    that this transition is no longer true.
    """

    key: str
    since: float
    told: Alert
    confirmed: list[str] = []
    stale: bool = False


class ServiceAlerts(msgspec.Struct, omit_defaults=True):
    """The stored state of one service.

    Parameters
    ----------
    newest
        The newest event time of its scores.
    checked
        The event time of the last search for silent instances.
    taught_rise
        The bytes of rise that labels called normal.
    muted_until
        No alert before this event time: the growth is expected.
    """

    members: dict[str, Member] = {}
    standing: Standing | None = None
    newest: float = 0.0
    checked: float = 0.0
    taught_rise: float = 0.0
    muted_until: float = 0.0

    def member(self, name: str) -> Member:
        """Return the state of an instance; a new one for a new instance."""
        member = self.members.get(name)
        if member is None:
            member = self.members[name] = Member(AlertMemory())
        return member

    def firing(self) -> list[str]:
        """Return the instances whose state machine is firing, also those that are silent now."""
        return [name for name, m in self.members.items() if m.memory.phase == "firing"]

    def leaking(self) -> list[str]:
        """Return the instances that are firing and alive."""
        return [name for name in self.firing() if self._alive(self.members[name])]

    def alive(self) -> int:
        """Return the number of instances that are alive."""
        return sum(map(self._alive, self.members.values()))

    def _alive(self, member: Member) -> bool:
        return alive(member.time, member.gap, self.newest)

    def is_news(self, name: str, step: Transition) -> bool:
        """Return whether a step of one instance must be published; any step is if no alert is firing yet."""
        if (standing := self.standing) is None:
            return True
        told = standing.told
        worse = step.severity == "sure" and told.severity != "sure"
        if step.state != "resolved" and (worse or more_urgent(step.urgency, told.urgency)):
            return True
        leaking = self.leaking()
        if step.state == "resolved" and name == told.instance:
            return True
        if step.state == "updated":
            return name == told.instance or told.instance not in leaking
        affected = len(leaking)
        return affected >= _MANY_MORE * told.affected or _MANY_MORE * affected <= told.affected
