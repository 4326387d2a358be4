"""Watchdog: a process that makes no progress ends itself, so that another one takes over."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

EXIT_STALLED = 70


def _end() -> None:
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    # Not sys.exit: the thread that would clean up is the one that hangs.
    os._exit(EXIT_STALLED)


class Watchdog:
    """Calls `end` when `feed` was not called for `stall_seconds`."""

    def __init__(self, stall_seconds: float, end: Callable[[], None] = _end) -> None:
        self._stall_seconds = stall_seconds
        self._end = end
        self._fed = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start to watch."""
        self.feed()
        self._thread.start()

    def feed(self) -> None:
        """Note progress, or that there was nothing to do."""
        self._fed = time.monotonic()

    def healthy(self) -> str | None:
        """Return None while it is fed; after half of the time, for how long it was not."""
        silent_seconds = time.monotonic() - self._fed
        if silent_seconds <= self._stall_seconds / 2:
            return None
        return f"no progress for {silent_seconds:.0f} s; after {self._stall_seconds:g} s the process ends"

    def stop(self) -> None:
        """Stop to watch."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, self._stall_seconds / 4)):
            if time.monotonic() - self._fed > self._stall_seconds:
                log.critical(
                    "no progress for %g s: ending, for another process to take over", self._stall_seconds
                )
                self._end()
                return
