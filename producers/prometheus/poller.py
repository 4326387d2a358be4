"""Polls a Prometheus instead of a host: the same snapshots as a backtest, as they come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from itertools import islice

from fleetleak.observe import metrics
from producers.prometheus.api import Api, ApiFailed
from producers.prometheus.assemble import Assembler
from producers.prometheus.discover import Asked, NoData, discover, infos, source_of
from producers.prometheus.matchers import Matcher, newest
from producers.prometheus.preset import Source
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Points, Window
from producers.publisher import Publisher
from producers.pulse import Clock, Pulse
from producers.schedule import Schedule
from producers.statelog import OK, StateLog
from producers.ticking import keep_ticking

log = logging.getLogger(__name__)

COLLECTOR = "prometheus"
"""Its name among the collectors, in metrics."""
# What is new in the fleet is found so often, and who owns a pod is asked so often.
_DISCOVER_SECONDS, _INFO_SECONDS = 600.0, 300.0
# After a longer absence the newest steps are asked for, and the older ones are counted as late.
_MOST_STEPS = 60
# So many snapshots are made at once; after an absence the next polls take the rest.
_MOST_SNAPSHOTS = 20_000
_WAIT_POLLS = 5
# The client takes so many records; then Kafka gets some time before more are made.
_SLICE, _DRAIN_SECONDS = 500, 5.0


class Poller:
    """Asks on schedule for the newest step of each series, and publishes what it makes of them.

    Steps are on multiples of the interval in unix time. After the server was away, the steps that were missed
    are asked for, the oldest first. OOM kills, and starts that no exporter tells, count from the start of the
    poller: so one server has one poller.

    When not to use it: on hosts that can run the agent. The agent sees more (docs/sources.md).

    Parameters
    ----------
    timeout_seconds
        The longest wait for one answer: so long it is healthy without a tick.

    Attributes
    ----------
    pulse
        Where health and readiness come from.
    """

    def __init__(
        self,
        api: Api,
        publisher: Publisher,
        interval_seconds: float,
        lag_seconds: float,
        presets: Sequence[str] | None,
        matchers: Sequence[Matcher],
        clock: Clock,
        timeout_seconds: float = 0.0,
    ) -> None:
        self._api = api
        self._publisher = publisher
        self._interval = interval_seconds
        self._lag = lag_seconds
        self._wanted, self._matchers = presets, matchers
        self._clock = clock
        self._stop = threading.Event()
        self._assembler = Assembler(PRESETS)
        self._asked: list[Asked] = []
        self._done: float | None = None
        self._at_once = 0
        self._discovered = self._learned = float("-inf")
        self._states = StateLog(log)
        self._waited = 0
        self._counted: dict[str, int] = {}
        self._partial = 0
        self.pulse = Pulse(max(interval_seconds, timeout_seconds), clock)

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set, then send the remaining records."""
        self._stop = stop
        # Ticks that were skipped are made up for.
        schedule = Schedule(self._interval, self._clock.monotonic)
        keep_ticking(stop, schedule, self._publisher, self.pulse, self.poll)
        self._api.close()

    def poll(self) -> int:
        """Publish the snapshots of all steps since the last poll; return how many there are.

        If the server does not answer, the next poll asks for these steps again.
        """
        began = self._clock.monotonic()
        count = 0
        try:
            if (window := self._window()) is not None:
                count = self._publish(window)
                self._done = window.end
            self._states.set(COLLECTOR, OK)
        except (ApiFailed, NoData) as error:
            metrics.COLLECT_ERRORS.labels(COLLECTOR).inc()
            self._states.set(COLLECTOR, "no data" if isinstance(error, NoData) else "failed", str(error))
        metrics.COLLECT_SECONDS.labels(COLLECTOR).observe(self._clock.monotonic() - began)
        metrics.TICKS.inc()
        self._count_left()
        self.pulse.ticked(count)
        return count

    def _window(self) -> Window | None:
        """Return the steps that are due, the oldest ones if there are many; None if there are none."""
        last = (self._clock.time() - self._lag) // self._interval * self._interval
        if self._done is None:
            self._done = last - self._interval
        steps = round((last - self._done) / self._interval)
        if steps > _MOST_STEPS:
            metrics.LATE_TICKS.inc(steps - _MOST_STEPS)
            self._done, steps = last - _MOST_STEPS * self._interval, _MOST_STEPS
        steps = min(steps, max(1, _MOST_SNAPSHOTS // max(1, self._at_once)))
        return Window(self._done + self._interval, self._interval, steps) if steps > 0 else None

    def _publish(self, window: Window) -> int:
        self._look_around(window)
        readings: dict[str, list[tuple[Source, list[Points]]]] = {}
        for asked in self._asked:
            source = source_of(asked)
            points = self._api.range(newest(asked.select, source, window.step), window)
            readings.setdefault(asked.preset, []).append((source, points))
            self.pulse.ticked(0)
        count = 0
        snapshots = self._assembler.snapshots(window, readings)
        while part := list(islice(snapshots, _SLICE)):
            self._publisher.publish(part)
            self._drain()
            count += len(part)
        self._at_once = count // window.steps
        return count

    def _drain(self) -> None:
        """Give Kafka some time, so that a large fleet does not fill the buffer at once."""
        until = self._clock.monotonic() + _DRAIN_SECONDS
        while (
            self._publisher.waiting > _SLICE and self._clock.monotonic() < until and not self._stop.wait(0.01)
        ):
            self._publisher.pump()

    def _look_around(self, window: Window) -> None:
        """Find new metrics and owners, from time to time; what fails then is tried again later."""
        if window.end - self._discovered >= _DISCOVER_SECONDS:
            now = Window(window.end, window.step, 1)
            try:
                self._asked = discover(self._api, self._wanted, self._matchers, now, self._asked)
                self._discovered = window.end
                self._states.set("discovery", OK)
            except (ApiFailed, NoData) as error:
                if not self._asked:
                    raise
                self._states.set("discovery", "failed", str(error))
            self.pulse.ticked(0)
        if window.end - self._learned >= _INFO_SECONDS:
            self._learn(window)

    def _learn(self, window: Window) -> None:
        """Ask who owns what. At first some polls wait for it, so that no pod changes its name after that."""
        names = list(dict.fromkeys(one.preset for one in self._asked))
        begin = min(window.begin, window.end - 2 * _INFO_SECONDS)
        for info, select in infos(names, self._matchers):
            try:
                self._assembler.learn(info, self._api.series(select, begin, window.end), window.end)
                self._states.set(info.metric, OK)
            except ApiFailed as error:
                self._waited += 1
                if self._learned == float("-inf") and self._waited < _WAIT_POLLS:
                    raise
                self._states.set(info.metric, "failed", str(error))
            self.pulse.ticked(0)
        self._learned = window.end

    def _count_left(self) -> None:
        for reason, left in self._assembler.left.items():
            new = left.count - self._counted.get(reason, 0)
            metrics.LEFT_OUT.labels(reason).inc(new)
            self._counted[reason] = left.count
            self._states.set(
                f"points {reason}", "left out" if new else OK, f"first {left.first}" if new else ""
            )
        partial = sum(self._api.partial.values())
        metrics.PARTIAL_ANSWERS.inc(partial - self._partial)
        self._partial = partial
