"""Everything kept of one service: its instances, and the alert that stands for it."""

from __future__ import annotations

import msgspec

from fleetleak.liveness import alive
from fleetleak.records import Alert
from sinks.alerting.policy import AlertMemory, Transition, more_urgent

# A change of how many instances leak is news from this factor on.
_MANY_MORE = 2


class Member(msgspec.Struct, omit_defaults=True):
    """One instance: its state machine, when it was last heard of, and how long after the time before."""

    memory: AlertMemory
    time: float = 0.0
    gap: float = 0.0

    def heard(self, time: float) -> None:
        """Note a score."""
        self.gap, self.time = (time - self.time if self.time else 0.0), time


class Standing(msgspec.Struct, omit_defaults=True):
    """The alert that is firing for a service.

    `confirmed` names who said that it is a leak. `stale`: what was told last no longer holds.
    """

    key: str
    since: float
    told: Alert
    confirmed: list[str] = []
    stale: bool = False


class ServiceAlerts(msgspec.Struct, omit_defaults=True):
    """Everything kept of one service.

    Parameters
    ----------
    taught_rise
        Bytes of rise that labels called normal.
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
        """Give an instance, new if never seen."""
        found = self.members.get(name)
        if found is None:
            found = self.members[name] = Member(AlertMemory())
        return found

    def firing(self) -> list[str]:
        """Give the instances that leak as far as is known; those that fell silent among them."""
        return [name for name, m in self.members.items() if m.memory.phase == "firing"]

    def leaking(self) -> list[str]:
        """Give the instances that leak and are there."""
        return [name for name in self.firing() if self._alive(self.members[name])]

    def alive(self) -> int:
        """Count the instances that are there."""
        return sum(map(self._alive, self.members.values()))

    def _alive(self, member: Member) -> bool:
        return alive(member.time, member.gap, self.newest)

    def is_news(self, name: str, step: Transition) -> bool:
        """Whether a step of one instance is told of a service whose alert stands already."""
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
