"""What is kept of one thing until its readings are a snapshot."""

from __future__ import annotations

import math

from msgspec import Struct, field

from fleetleak.records import Reading
from producers.prometheus.known import Known
from producers.prometheus.runs import Run

# What one source tells apart from the memory, such as the CPU's scraper, holds so long; a source that is
# silent for longer gives way to another one.
HOLD_SECONDS = 600.0
# What another source tells, such as a limit, holds longer: its partition may be behind.
JOINED_SECONDS = 3600.0
MOST_MOMENTS = 256
MOST_RUNS = 8
MOST_CHANGES = 8
MOST_PARTS = 64
MOST_INSIDE = 2000


class Course(Struct, array_like=True):
    """One value over time: when it was told last, and its newest changes, each with its time."""

    seen: float
    changes: list[tuple[float, float]]

    def take(self, time: float, value: float) -> None:
        """Take a value; one that is older than the newest is not needed any more."""
        if time < self.seen:
            return
        self.seen = time
        if value != self.changes[-1][1]:
            if self.changes[-1][0] == time:
                self.changes.pop()
            self.changes.append((time, value))
            del self.changes[:-MOST_CHANGES]

    def at(self, time: float, hold_seconds: float) -> float | None:
        """Return the value that holds at a time; None if none does.

        Before the first change that is known, the first value holds: a limit may be told after the memory.
        """
        first = self.changes[0][0]
        if time - self.seen > hold_seconds or first - time > hold_seconds:
            return None
        return next((value for since, value in reversed(self.changes) if since <= time), self.changes[0][1])


class Held(Struct, array_like=True):
    """Values that come with times of their own, and hold for some time."""

    courses: dict[str, Course] = field(default_factory=dict)

    def take(self, time: float, fields: dict[str, float]) -> None:
        """Take values of one time."""
        for name, value in fields.items():
            if name in self.courses:
                self.courses[name].take(time, value)
            else:
                self.courses[name] = Course(time, [(time, value)])
        reason = self.courses.get("oom_reason")
        if "restarts" in fields and reason is not None and reason.seen < time:
            # The reason of the last end is told with each count of restarts. So it is another one now.
            reason.take(time, 0.0)

    def complete(self, time: float, fields: dict[str, float], hold_seconds: float) -> None:
        """Add the values that hold at a time, where there is none."""
        for name, course in self.courses.items():
            if name not in fields and (held := course.at(time, hold_seconds)) is not None:
                fields[name] = held


class Moment(Struct, array_like=True):
    """What was measured of one instance at one time."""

    time: float
    fields: dict[str, float]
    names: dict[str, str]


class Member(Struct, array_like=True):
    """One instance, as one preset measures it.

    `open` are the moments that wait for further readings, by time; `newest` is the newest time of memory, and
    `closed` the time of the newest moment that does not wait any more. `begun` is its first time. `told` is
    when its host was last told of it, and of how many bytes.
    """

    run: Run
    begun: float
    newest: float = -math.inf
    open: list[Moment] = field(default_factory=list)
    held: Held = field(default_factory=Held)
    closed: float = -math.inf
    told: tuple[float, float] = (-math.inf, 0.0)

    def take(self, reading: Reading) -> bool:
        """Take a reading; return whether all of its values were new."""
        place = len(self.open)
        while place and self.open[place - 1].time > reading.time:
            place -= 1
        if place and (moment := self.open[place - 1]).time == reading.time:
            new = moment.fields.keys().isdisjoint(reading.fields)
            moment.fields = reading.fields | moment.fields
            moment.names = moment.names or reading.names
            return new
        self.open.insert(place, Moment(reading.time, reading.fields, reading.names))
        return True


MemberKey = tuple[str, str]
"""The preset, and the run where its source tells several apart."""


class Part(Struct, array_like=True):
    """A container of a pod, or the thing itself: its members, and what others tell of it.

    A member is one preset's, or one run's of a container that cAdvisor tells of: around a restart it tells of
    both. `kills` are the OOM kills that each run's counter told.
    """

    members: dict[MemberKey, Member] = field(default_factory=dict)
    joined: Held = field(default_factory=Held)
    kills: dict[str, float] = field(default_factory=dict)
    kills_before: float = 0.0

    def killed(self, run: str, count: float) -> float:
        """Take the count of kills of one run; return those of all."""
        self.kills[run] = max(count, self.kills.get(run, 0.0))
        if len(self.kills) > MOST_RUNS:
            self.kills_before += self.kills.pop(next(iter(self.kills)))
        return self.kills_before + sum(self.kills.values())

    def forget(self, now: float) -> None:
        """Forget the runs that have ended, of which a later one is there."""
        newest = {key[0]: key for key, _ in sorted(self.members.items(), key=lambda one: one[1].begun)}
        self.members = {
            key: member
            for key, member in self.members.items()
            if member.open or key == newest[key[0]] or now - member.run.seen <= HOLD_SECONDS
        }


class Thing(Struct, array_like=True):
    """What is kept under one key.

    `newest` is the newest time of anything measured, unix seconds; `touched` the append time of the newest
    record. `inside` are the instances inside a host: when each was measured, and its bytes.
    """

    newest: float = -math.inf
    touched: float = 0.0
    known: Known = field(default_factory=Known)
    parts: dict[str, Part] = field(default_factory=dict)
    inside: dict[str, tuple[float, float]] = field(default_factory=dict)
