"""What is kept of one thing until its readings are a snapshot."""

from __future__ import annotations

import math

from msgspec import Struct, field

from fleetleak.records import Reading
from producers.prometheus.known import Known
from producers.prometheus.runs import Run

# A value that comes apart from the memory, such as a limit, holds so long.
HOLD_SECONDS = 600.0
MOST_MOMENTS = 64
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
            self.changes.append((time, value))
            del self.changes[:-MOST_CHANGES]

    def at(self, time: float) -> tuple[float, float] | None:
        """Return since when the value of a time holds, and the value; None if none holds.

        Before the first change that is known, the first value holds: a limit may be told after the memory.
        """
        first = self.changes[0][0]
        if time - self.seen > HOLD_SECONDS or first - time > HOLD_SECONDS:
            return None
        return next((change for change in reversed(self.changes) if change[0] <= time), self.changes[0])


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

    def complete(self, time: float, fields: dict[str, float]) -> None:
        """Add the values that hold at a time, where there is none."""
        held = {name: found for name, course in self.courses.items() if (found := course.at(time))}
        restarts, reason = held.get("restarts"), held.get("oom_reason")
        if restarts and reason and self.courses["oom_reason"].seen < restarts[0]:
            # The reason of an earlier end: that of the last one is told with each count of restarts.
            del held["oom_reason"]
        for name, (_, value) in held.items():
            fields.setdefault(name, value)


class Moment(Struct, array_like=True):
    """What was measured of one instance at one time."""

    time: float
    fields: dict[str, float]
    names: dict[str, str]


class Member(Struct, array_like=True):
    """One instance, as one preset measures it.

    `open` are the moments that wait for further readings, by time. `closed` is the time of the newest one
    that does not wait any more. `told` is when its host was last told of it, and of how many bytes.
    """

    run: Run
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


class Part(Struct, array_like=True):
    """A container of a pod, or the thing itself: its members by preset, and what others tell of it."""

    members: dict[str, Member] = field(default_factory=dict)
    joined: Held = field(default_factory=Held)


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
