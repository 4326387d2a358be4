"""The runs of instances: when each began, and how often one ended by an OOM kill."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from producers.prometheus.fields import OOM_KILLS
from producers.prometheus.series import FORGET_SECONDS, Points, Window

# Two servers that scrape one exporter see the same restart, one of them later.
_SAME_RESTART_SECONDS = 600.0

# Series and containers are known by their hashes, since their labels are large.
_Hash = int


class Run(Struct, array_like=True):
    """What is known of one instance: its run, its restarts, and its kills by two ways of counting them.

    A run begins where the exporter says so; where no exporter does, at the first step after a counter of
    restarts grew or a counter of CPU time fell. Kills are counted in two ways: by cAdvisor's counter, and by
    restarts with their reason. Each misses some, and both tell most, so the higher count is taken.
    """

    seen: float
    started: float | None = None
    has_start: bool = False
    restarts: float | None = None
    restarts_before: float = 0.0
    restarted_at: float = -math.inf
    cpu_seconds: float | None = None
    killed_by_reason: int = 0
    killed_by_counter: float = 0.0
    counts_kills: bool = False

    def follow(self, time: float, fields: dict[str, float]) -> None:
        """Take the fields of one step, in place: set `started` and `oom_kills`."""
        self.seen = time
        restarts, killed = fields.pop("restarts", None), fields.pop("oom_reason", None)
        restarted = restarts is not None and self._restarted(restarts, time)
        cpu = fields.get("cpu_seconds")
        reset = cpu is not None and self.cpu_seconds is not None and cpu < self.cpu_seconds
        self.cpu_seconds = self.cpu_seconds if cpu is None else cpu
        if "started" in fields:
            self.started, self.has_start = fields["started"], True
        elif (restarted or reset) and not self.has_start:
            self.started = time
        if self.started is not None:
            fields["started"] = self.started
        self.killed_by_reason += restarted and bool(killed)
        self.counts_kills |= OOM_KILLS in fields or restarts is not None
        self.killed_by_counter = fields.get(OOM_KILLS, self.killed_by_counter)
        if self.counts_kills:
            fields[OOM_KILLS] = max(self.killed_by_reason, self.killed_by_counter)

    def _restarted(self, restarts: float, time: float) -> bool:
        """Note a count of restarts; return whether it grew."""
        before = self.restarts
        is_recent = time - self.restarted_at <= _SAME_RESTART_SECONDS
        if before is not None and self.restarts_before <= restarts < before and is_recent:
            return False  # another server that is a scrape behind
        self.restarts = restarts
        if before is None or restarts <= before:
            return False
        self.restarts_before, self.restarted_at = before, time
        return True


@dataclass
class _Counted:
    """The kills that counters tell of one instance: by container, by series; and of all containers.

    Of one container several servers tell: the highest count is right.
    """

    seen: float
    total: float = 0.0
    kills: dict[_Hash, dict[_Hash, float]] = field(default_factory=dict)

    def add(self, container: _Hash, series: _Hash, growth: float) -> None:
        """Take the growth of one counter."""
        own = self.kills.setdefault(container, {})
        before = max(own.values(), default=0.0)
        own[series] = own.get(series, 0.0) + growth
        self.total += max(own.values()) - before

    def forget(self, counters: Container[_Hash]) -> None:
        """Forget the series that are followed no more."""
        kept = (
            (container, {series: kills for series, kills in own.items() if series in counters})
            for container, own in self.kills.items()
        )
        self.kills = {container: own for container, own in kept if own}


class Runs:
    """Follows instances from step to step."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._counters: dict[_Hash, tuple[float, float]] = {}
        self._counted: dict[str, _Counted] = {}

    def follow(self, instance: str, time: float, fields: dict[str, float]) -> None:
        """Take the fields of one instance at one step, in place: set `started` and `oom_kills`."""
        run = self._runs.get(instance)
        if run is None or time - run.seen > FORGET_SECONDS:
            run = self._runs[instance] = Run(time)
        run.follow(time, fields)

    def killed(
        self, instance: str, metric: str, every: Sequence[Points], window: Window
    ) -> Iterator[tuple[int, float]]:
        """Yield the steps at which counters of kills of an instance have points, and the kills until then.

        Each series is followed by itself: after a kill the series of the old container says so, while that of
        the new one begins at 0.
        """
        counted = self._counted.setdefault(instance, _Counted(window.begin))
        grown = (one for points in every for one in self._grown(metric, points, window))
        for number, container, key, growth in sorted(grown, key=lambda one: one[0]):
            counted.seen = window.at(number)
            if growth:
                counted.add(container, key, growth)
            yield number, counted.total

    def _grown(
        self, metric: str, points: Points, window: Window
    ) -> Iterator[tuple[int, _Hash, _Hash, float]]:
        """Yield the steps of one counter, its container, its hash and how much it grew."""
        key = hash((metric, frozenset(points.labels.items())))
        container = hash(points.labels.get("id") or points.labels.get("name") or "")
        seen, before = self._counters.get(key, (-math.inf, 0.0))
        for number, value in zip(points.at, points.values, strict=True):
            time = window.at(number)
            growth = max(0.0, value - before) if time - seen <= FORGET_SECONDS else 0.0
            seen, before = time, value
            yield number, container, key, growth
        if seen > -math.inf:
            self._counters[key] = seen, before

    def forget(self, now: float) -> None:
        """Forget what has been silent for a day, so that what is remembered stays bounded."""
        self._runs = {name: run for name, run in self._runs.items() if now - run.seen <= FORGET_SECONDS}
        self._counted = {name: one for name, one in self._counted.items() if now - one.seen <= FORGET_SECONDS}
        self._counters = {
            key: known for key, known in self._counters.items() if now - known[0] <= FORGET_SECONDS
        }
        for one in self._counted.values():
            one.forget(self._counters)
