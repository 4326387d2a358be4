"""The runs of instances: when each began, and how often one ended by an OOM kill."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fleetleak.records.types import MOST_COUNT
from producers.prometheus.series import FORGET_SECONDS, Points, Window

OOM_KILLS = "oom_kills"
# The same kill is told by two exporters, one of them later.
_SAME_KILL_SECONDS = 600.0


@dataclass
class _Run:
    """What is known of one instance."""

    seen: float
    started: float | None = None
    has_start: bool = False
    restarts: float | None = None
    cpu_seconds: float | None = None
    kills: int = 0
    killed_at: float = float("-inf")
    counts_kills: bool = False


class Runs:
    """Follows instances from step to step.

    A run begins where the exporter says so; where no exporter does, at the first step after a counter of
    restarts grew or a counter of CPU time fell.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._counters: dict[tuple[str, frozenset[tuple[str, str]]], tuple[float, float]] = {}

    def follow(self, instance: str, time: float, fields: dict[str, float]) -> None:
        """Take the fields of one instance at one step, in place: set `started` and `oom_kills`."""
        run = self._runs.get(instance)
        if run is None or time - run.seen > FORGET_SECONDS:
            run = self._runs[instance] = _Run(time)
        run.seen = time
        restarts, killed = fields.pop("restarts", None), fields.pop("oom_reason", None)
        restarted = _grew(run.restarts, restarts)
        self._start(run, time, fields, restarted or _grew(fields.get("cpu_seconds"), run.cpu_seconds))
        if OOM_KILLS in fields or restarts is not None:
            run.counts_kills = True
        new = int(fields.get(OOM_KILLS, 0))
        if not new and restarted and killed and time - run.killed_at > _SAME_KILL_SECONDS:
            new = 1
        if new:
            run.kills, run.killed_at = run.kills + new, time
        if run.counts_kills:
            fields[OOM_KILLS] = run.kills
        run.restarts = restarts if restarts is not None else run.restarts
        run.cpu_seconds = fields.get("cpu_seconds", run.cpu_seconds)

    def _start(self, run: _Run, time: float, fields: dict[str, float], reset: bool) -> None:
        if "started" in fields:
            run.started, run.has_start = fields["started"], True
        elif reset and not run.has_start:
            run.started = time
        if run.started is not None:
            fields["started"] = run.started

    def increases(self, metric: str, points: Points, window: Window) -> list[tuple[int, float]]:
        """Return the steps of a counter, and how much it grew at each.

        Each series is followed by itself: after a kill the series of the old container says so, while that of
        the new one begins at 0. A value that is no count is left out.
        """
        key = metric, frozenset(points.labels.items())
        seen, before = self._counters.get(key, (-math.inf, 0.0))
        grown = []
        for number, value in zip(points.at, points.values, strict=True):
            if not 0 <= value <= MOST_COUNT:
                continue
            time = window.at(number)
            grown.append((number, max(0.0, value - before) if time - seen <= FORGET_SECONDS else 0.0))
            seen, before = time, value
        if grown:
            self._counters[key] = seen, before
        return grown

    def forget(self, now: float) -> None:
        """Forget what has been silent for a day, so that what is remembered stays bounded."""
        self._runs = {name: run for name, run in self._runs.items() if now - run.seen <= FORGET_SECONDS}
        self._counters = {
            key: known for key, known in self._counters.items() if now - known[0] <= FORGET_SECONDS
        }


def _grew(before: float | None, after: float | None) -> bool:
    return before is not None and after is not None and after > before
