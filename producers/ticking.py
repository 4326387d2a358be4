"""The loop of a source of snapshots: it ticks on schedule and, between ticks, lets the publisher send."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prometheus_client import Counter

from producers.publisher import Publisher
from producers.pulse import Pulse
from producers.schedule import Schedule

PUMP_SECONDS = 1.0
FLUSH_SECONDS = 5.0


def keep_ticking(
    stop: threading.Event,
    schedule: Schedule,
    publisher: Publisher,
    pulse: Pulse,
    tick: Callable[[], object],
    late_ticks: Counter | None = None,
) -> None:
    """Call `tick` on schedule until `stop` is set, then send the remaining records.

    Parameters
    ----------
    late_ticks
        Counts the ticks that could not begin in time; None where they are made up for.
    """
    late = 0
    while not stop.is_set():
        wait = schedule.wait()
        if late_ticks is not None:
            late_ticks.inc(schedule.skipped - late)
            late = schedule.skipped
        if wait > 0:
            publisher.pump()
            pulse.acknowledged(publisher.acknowledged)
            stop.wait(min(wait, PUMP_SECONDS) if publisher.waiting else wait)
            continue
        tick()
        schedule.done()
    publisher.close(FLUSH_SECONDS)
