"""The agent: measures the host on a fixed schedule and publishes the snapshots."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from fleetleak.observe import metrics
from producers.host.attribution import attribute
from producers.host.collectors import Collector, NoData, select
from producers.host.context import Context
from producers.host.files import Files, descriptors
from producers.host.reader import REASONS, VANISHED
from producers.host.tick import Tick
from producers.publisher import Publisher
from producers.pulse import Clock, Pulse
from producers.schedule import Schedule
from producers.statelog import OK, StateLog
from producers.ticking import keep_ticking

log = logging.getLogger(__name__)


class Agent:
    """Runs the collectors in one thread, and writes their metrics and logs.

    When not to use it: for more than about ten samples a second; its Python loop is too slow.

    Attributes
    ----------
    pulse
        Where health and readiness come from.
    """

    def __init__(
        self,
        context: Context,
        publisher: Publisher,
        schedule: Schedule,
        collectors: Sequence[Collector],
        clock: Clock,
    ) -> None:
        self._context = context
        self._publisher = publisher
        self._schedule = schedule
        self._collectors = collectors
        self._clock = clock
        self.pulse = Pulse(schedule.interval, clock)
        self._states = StateLog(log)
        self._files = Files(descriptors())

    def run(self, stop: threading.Event) -> None:
        """Sample until `stop` is set, then send the remaining records."""
        keep_ticking(stop, self._schedule, self._publisher, self.pulse, self.tick, metrics.LATE_TICKS)
        self._files.close()

    def tick(self) -> Tick:
        """Measure once, publish, and return the tick with its snapshots."""
        self._files.turn()
        tick = Tick(self._context, self._clock.time(), self._files)
        for collector in self._collectors:
            self._collect(collector, tick)
        attribute(tick.measured)
        self._publisher.publish(measured.snapshot for measured in tick.measured)
        self.pulse.ticked(len(tick.measured))
        metrics.TICKS.inc()
        self._report_skipped(tick)
        return tick

    def _collect(self, collector: Collector, tick: Tick) -> None:
        name = f"collector {collector.NAME}"
        began = self._clock.monotonic()
        try:
            collector.collect(tick)
            self._states.set(name, OK)
        except NoData as reason:
            self._states.set(name, "no data", str(reason))
        except Exception as error:
            metrics.COLLECT_ERRORS.labels(collector.NAME).inc()
            self._states.set(name, "failed", repr(error), error=error)
        metrics.COLLECT_SECONDS.labels(collector.NAME).observe(self._clock.monotonic() - began)

    def _report_skipped(self, tick: Tick) -> None:
        for reason in REASONS:
            count = tick.reader.skipped[reason]
            metrics.SKIPPED_SOURCES.labels(reason).inc(count)
            state = "skipped" if count else OK
            detail = f"{count}, first {tick.reader.examples[reason]}" if count else ""
            # Processes end all the time, so that is no news.
            self._states.set(f"sources {reason}", state, detail, quiet=reason == VANISHED)


def build(
    context: Context,
    publisher: Publisher,
    interval_seconds: float,
    clock: Clock = time,
    collectors: Sequence[str] | None = None,
) -> Agent:
    """Return an agent that runs the named collectors; for None every default collector.

    Raises
    ------
    UnknownCollector
        If there is no collector of one of these names.
    """
    chosen = [make(context) for make in select(collectors)]
    return Agent(context, publisher, Schedule(interval_seconds, clock.monotonic), chosen, clock)
