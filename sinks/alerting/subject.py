"""The stored state of one subject, such as a service: its instances, its alert, and what labels taught."""

from __future__ import annotations

from itertools import pairwise
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from fleetleak.liveness import alive
from fleetleak.records import Alert
from fleetleak.records.alert import CERTAINTIES, URGENCIES, higher
from sinks.alerting.finding import Opinion, Signature, Source
from sinks.alerting.history import added
from sinks.alerting.lessons import Lessons
from sinks.alerting.life import AlertMemory, Transition

M = TypeVar("M", bound=Struct)
# It is news when the number of affected instances changes by this factor.
MANY_MORE = 2
_MOST_MARKS = 8
_MOST_VERSIONS = 4
# A growth that began so long after a version appeared, or so shortly before, began with it.
_AFTER_SECONDS, _BEFORE_SECONDS = 6 * 3600.0, 1800.0


class Member(Struct, Generic[M], omit_defaults=True):
    """One instance.

    Parameters
    ----------
    own
        What the adapter of the kind of finding remembers.
    time, gap
        The time of its newest record, -1 before the first, and the seconds since the one before.
    born, records
        The time of the first record of its run, and how many there are.
    points, restarts
        Its past, for a picture (`sinks.alerting.history`).
    confidence, highest
        The confidence of the newest record, and the highest one since its alert began to be suspected.
    opinions
        What the statistical and the learned methods said last.
    """

    memory: AlertMemory
    own: M
    time: float = -1.0
    gap: float = 0.0
    born: float = 0.0
    records: int = 0
    points: bytes = b""
    restarts: list[float] = []
    confidence: float = 0.0
    highest: float = 0.0
    opinions: tuple[Opinion, Opinion] | None = None

    def heard(self, time: float, level: float | None, restarted: bool) -> float:
        """Note a new record; return the seconds without data before it, 0 if it came in time."""
        missing = 0.0 if self.time < 0 or alive(self.time, self.gap, time) else time - self.time
        if restarted or self.time < 0:
            self.born, self.records = time, 0
        self.records += 1
        self.gap, self.time = (time - self.time if self.time >= 0 else 0.0), time
        if level is not None:
            self.points = added(self.points, time, level)
        if restarted:
            self.restarts = [*self.restarts, time][-_MOST_MARKS:]
        return missing

    def from_start(self, started: float | None) -> bool:
        """Return whether its records go back to the start of its run, as far as that is known."""
        return started is not None and alive(started, self.gap, self.born)


class Version(Struct, omit_defaults=True):
    """A version of the software: when it was first seen, and how fast its instances grew at last."""

    name: str
    since: float
    growth: float | None = None


class Standing(Struct, omit_defaults=True):
    """The alert that is firing.

    Parameters
    ----------
    published
        Its last published transition.
    confirmed_by
        The authors who labelled it a finding.
    outdated
        Whether `published` is no longer true.
    waiting_news
        The news that were not published yet, because of a cool-down.
    stale
        Whether no data comes any more.
    orphaned
        When its last affected instance disappeared, and how long others are watched: unix seconds, seconds.
    """

    key: str
    since: float
    published: Alert
    confirmed_by: list[str] = []
    outdated: bool = False
    waiting_news: str | None = None
    stale: bool = False
    reopened: int = 0
    orphaned: tuple[float, float] | None = None


class Evidence(Struct, frozen=True, array_like=True):
    """What a label refers to: the highest confidence, how the finding looked, and what the methods said."""

    confidence: float
    signature: Signature | None
    opinions: tuple[Opinion, Opinion]


class Closed(Struct, frozen=True, array_like=True):
    """The alert that ended last: it can still be labelled, and is opened again if the finding returns."""

    key: str
    since: float
    at: float
    reopened: int
    evidence: Evidence | None


class Subject(Struct, Generic[M], omit_defaults=True):
    """The stored state of one subject.

    Parameters
    ----------
    newest, appended
        The newest event time of its records, and the append time of the newest one.
    checked
        The event time of the last search for silent instances.
    versions
        The newest four, by when they were first seen.
    usual_size, usual_until
        The size of a finding that labels called usual, and until when.
    muted_until
        No alert before this event time: the finding is expected.
    """

    members: dict[str, Member[M]] = {}
    standing: Standing | None = None
    closed: Closed | None = None
    newest: float = 0.0
    appended: float = 0.0
    checked: float = 0.0
    versions: list[Version] = []
    usual_size: float = 0.0
    usual_until: float = 0.0
    muted_until: float = 0.0
    lessons: Lessons = msgspec.field(default_factory=Lessons)

    def keys(self) -> list[str]:
        """Return the keys of the alerts that can be labelled: the one that is firing, else the last one."""
        alert = self.standing or self.closed
        return [] if alert is None else [alert.key]

    def usual(self, time: float) -> float:
        """Return the size up to which a finding is usual at a time."""
        return self.usual_size if time < self.usual_until else 0.0

    def firing(self) -> list[str]:
        """Return the instances whose state machine is firing, also those that are silent now."""
        return [name for name, m in self.members.items() if m.memory.phase == "firing"]

    def affected(self) -> list[str]:
        """Return the instances that are firing and alive; those that wait after a restart only if all do."""
        there = [name for name in self.firing() if self._alive(self.members[name])]
        return [name for name in there if self.members[name].memory.waiting_since is None] or there

    def alive(self) -> int:
        """Return the number of instances that are alive."""
        return sum(map(self._alive, self.members.values()))

    def _alive(self, member: Member[M]) -> bool:
        return alive(member.time, member.gap, self.newest)

    def note_version(self, record: Source, rate: float | None) -> None:
        """Note the version of a record and how fast it grows; a version that comes back keeps its time."""
        if record.version is None:
            return
        known = next((v for v in self.versions if v.name == record.version), None)
        if known is None:
            known = Version(record.version, record.time)
            self.versions = [*self.versions, known][-_MOST_VERSIONS:]
        if rate is not None:
            known.growth = rate

    def deploys(self) -> list[float]:
        """Return when versions appeared after the first one."""
        return [version.since for version in self.versions[1:]]

    def suspect(self, onset: float | None) -> tuple[str | None, float | None]:
        """Return the version with which a growth began, and the growth of the version before it."""
        if onset is None:
            return None, None
        for before, version in reversed(list(pairwise(self.versions))):
            if -_BEFORE_SECONDS <= onset - version.since <= _AFTER_SECONDS:
                return version.name, before.growth
        return None, None

    def must_publish(self, name: str, step: Transition) -> bool:
        """Return whether a step of one instance must be published while an alert is firing."""
        if (standing := self.standing) is None:
            return True
        published, affected = standing.published, self.affected()
        if step.state == "resolved":
            due = name == published.instance
        else:
            due = (
                higher(CERTAINTIES, step.certainty, published.certainty)
                or higher(URGENCIES, step.urgency, published.urgency)
                or name == published.instance
                or published.instance not in affected
            )
        count = len(affected)
        return due or count >= MANY_MORE * published.affected or MANY_MORE * count <= published.affected
