"""When to measure: a fixed grid in time."""

from __future__ import annotations

from collections.abc import Callable

# A tick that begins later than this share of the interval would be no steady sample.
TOO_LATE = 0.5


class Schedule:
    """Ticks at the start and every `interval` seconds after it; the grid never moves.

    A tick that cannot begin in time (the one before took too long, the process was stopped) is skipped and
    counted; it is never made up for.

    Parameters
    ----------
    interval
        Seconds between ticks.
    clock
        A monotonic clock in seconds.

    Examples
    --------
    >>> now = 100.0
    >>> schedule = Schedule(30.0, lambda: now)
    >>> schedule.wait()
    0.0
    >>> now = 165.0
    >>> schedule.done()
    >>> schedule.wait(), schedule.skipped
    (25.0, 2)
    """

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self.interval = interval
        self._clock = clock
        self._origin = clock()
        self._next = 0
        self.skipped = 0

    def wait(self) -> float:
        """Give seconds until the next tick; 0 when it is due."""
        late = self._late()
        if late > TOO_LATE * self.interval:
            self._skip_past()
            late = self._late()
        return max(0.0, -late)

    def done(self) -> None:
        """Say that the tick that was due has been made."""
        self._next += 1
        if self._late() > 0:
            self._skip_past()

    def _late(self) -> float:
        return self._clock() - (self._origin + self._next * self.interval)

    def _skip_past(self) -> None:
        following = int((self._clock() - self._origin) // self.interval) + 1
        self.skipped += max(0, following - self._next)
        self._next = max(self._next, following)
