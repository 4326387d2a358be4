"""What is kept of each instance while its scores pass: little, and no more for a longer history."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from fleetleak.records.types import Scope
from fleetleak_app.backtest.rules import Followed
from producers.prometheus.series import Window

_BUCKETS = 150  # of the time, each with its lowest and its highest memory
_MOST_MARKS = 100
_LET_GO_SECONDS = 12 * 3600.0
# Time without data is not watched: between two samples that are so many steps apart.
_GAP_STEPS = 10
SEEN_LATE_SECONDS = 600.0
"""An OOM kill is seen late by at most this: it is told by the scrape of another exporter."""


class Seen(msgspec.Struct, gc=False):
    """The fields of a score that are kept."""

    service: str
    instance: str
    time: float
    scope: Scope = "process"
    memory: int | None = None
    limit: int | None = None
    limit_name: str | None = None
    room_used: float | None = None
    confidence: float = 0.0
    kind: str = "stable"
    turning_point: str | None = None
    restarted: bool = False
    oom_kills: int | None = None


class Point(NamedTuple):
    """The memory of one moment, in bytes: what a leak grows, what counts against the limit, the limit."""

    time: float
    memory: float
    counted: float
    limit: float


class Kill(NamedTuple):
    """When an OOM kill was seen, and when the run began that it ended, in unix seconds."""

    time: float
    run_began: float


class Watched:
    """One instance.

    Attributes
    ----------
    first, newest
        When its first and its newest sample were, in unix seconds.
    judged, judged_seconds
        How many samples had a memory and a limit, and the time that they cover.
    highest
        Its score with the highest confidence.
    kills
        Its OOM kills.
    restarts
        The first hundred of its restarts, in unix seconds.
    """

    def __init__(self, first: Seen, whole: Window) -> None:
        self.service, self.instance, self.scope = first.service, first.instance, first.scope
        self.highest = first
        self.limit_name = first.limit_name or "limit"
        self.first = self.newest = first.time
        self.samples = self.judged = 0
        self.judged_seconds = 0.0
        self.kills: list[Kill] = []
        self.restarts: list[float] = []
        self._longest_gap = _GAP_STEPS * whole.step
        self.rules = Followed(first.instance, self._longest_gap)
        self._begins = (first.time, first.time)  # of the run before and of this run
        self._bucket_seconds = whole.step * max(1, whole.steps) / _BUCKETS
        self._oom_kills: int | None = None
        self._points = tuple(array("d" if name == "time" else "f") for name in Point._fields)
        self._bucket = -1
        self._lowest: Point | None = None
        self._most: Point | None = None

    @property
    def has_kills(self) -> bool:
        """Whether its OOM kills are counted at all."""
        return self._oom_kills is not None

    def add(self, score: Seen) -> None:
        """Take its next score."""
        self.samples += 1
        if score.confidence > self.highest.confidence:
            self.highest = score
        if score.restarted:
            self._begins = self._begins[1], score.time
            if len(self.restarts) < _MOST_MARKS:
                self.restarts.append(score.time)
        if score.oom_kills is not None:
            if self._oom_kills is not None and score.oom_kills > self._oom_kills:
                # The run after the kill may have begun already.
                before, now = self._begins
                self.kills.append(Kill(score.time, before if score.time - now <= SEEN_LATE_SECONDS else now))
            self._oom_kills = score.oom_kills
        if score.memory is not None and score.limit:
            self._measured(score, score.memory, score.limit)
        self.newest = score.time

    def _measured(self, score: Seen, memory: int, limit: int) -> None:
        self.judged += 1
        if (gap := score.time - self.newest) <= self._longest_gap:
            self.judged_seconds += gap
        share = score.room_used if score.room_used is not None else min(1.0, memory / limit)
        self.limit_name = score.limit_name or self.limit_name
        self.rules.add(score.time, share)
        point = Point(score.time, memory, share * limit, limit)
        bucket = int(score.time // self._bucket_seconds)
        if bucket != self._bucket:
            self._close_bucket()
            self._bucket, self._lowest, self._most = bucket, point, point
        elif self._lowest is not None and self._most is not None:
            if point.memory < self._lowest.memory:
                self._lowest = point
            if point.memory > self._most.memory:
                self._most = point

    def _close_bucket(self) -> None:
        if self._lowest is None or self._most is None:
            return
        for point in sorted({self._lowest, self._most}):
            for column, value in zip(self._points, point, strict=True):
                column.append(value)
        self._lowest = self._most = None

    def rest(self, now: float) -> None:
        """Take note of the time; without a sample for long, the rules need none of those before."""
        if now - self.newest > self._longest_gap:
            self.rules.end(now)

    def end(self, at: float) -> None:
        """Take note that no score follows until the end of the history."""
        self._close_bucket()
        self.rules.end(at)

    @property
    def longest_step(self) -> float:
        """The longest time between two of its points where no sample is missing, in seconds."""
        return 2 * self._bucket_seconds + self._longest_gap

    def points(self) -> list[Point]:
        """Return its memory over the whole time: at most two points for each of 150 parts of it."""
        return [Point(*values) for values in zip(*self._points, strict=True)]


class Watch:
    """Every instance of a history."""

    def __init__(self, whole: Window) -> None:
        self._whole = whole
        self._decode = msgspec.json.Decoder(Seen).decode
        self._instances: dict[tuple[str, str], Watched] = {}
        self._let_go_at = whole.begin

    def add(self, scores: Iterable[bytes | None]) -> None:
        """Take more scores, as JSON, in order of time."""
        for data in scores:
            score = self._decode(data or b"{}")
            self._let_go(score.time)
            key = score.service, score.instance
            watched = self._instances.get(key)
            if watched is None:
                watched = self._instances[key] = Watched(score, self._whole)
            watched.add(score)

    def _let_go(self, now: float) -> None:
        """Let the rules forget the samples of what has ended: a fleet has many pods in a month."""
        if now - self._let_go_at < _LET_GO_SECONDS:
            return
        self._let_go_at = now
        for watched in self._instances.values():
            watched.rest(now)

    def end(self) -> None:
        """Take note that no score follows."""
        for watched in self._instances.values():
            watched.end(self._whole.end)

    @property
    def data(self) -> tuple[float, float]:
        """When the first and the last sample were, in unix seconds."""
        begin = self._whole.begin
        first = min((one.first for one in self), default=begin)
        return first, max((one.newest for one in self), default=begin)

    def services(self) -> dict[str, list[Watched]]:
        """Return the instances of each service."""
        every: dict[str, list[Watched]] = {}
        for one in self:
            every.setdefault(one.service, []).append(one)
        return every

    def __iter__(self) -> Iterator[Watched]:
        return iter(self._instances.values())

    def __len__(self) -> int:
        return len(self._instances)
