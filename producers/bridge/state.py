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
MOST_PARTS = 64
MOST_INSIDE = 2000


class Held(Struct, array_like=True):
    """Values that hold for some time, by field: when each was measured, and the value."""

    values: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, time: float, fields: dict[str, float]) -> None:
        """Take values; an older one does not replace a newer one."""
        for name, value in fields.items():
            if time >= self._at(name):
                self.values[name] = time, value
        if self._at("restarts") > self._at("oom_reason"):
            # The reason of the last end is told with each count of restarts, unless it is another one now.
            self.values.pop("oom_reason", None)

    def _at(self, name: str) -> float:
        return self.values[name][0] if name in self.values else -math.inf

    def complete(self, time: float, fields: dict[str, float]) -> None:
        """Add the values that still hold at a time, where there is none."""
        for name, (known, value) in self.values.items():
            if abs(time - known) <= HOLD_SECONDS:
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
