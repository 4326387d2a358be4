"""When to measure: at fixed, evenly spaced times."""

from __future__ import annotations

from collections.abc import Callable

# A tick later than this share of the interval would make the samples uneven.
TOO_LATE = 0.5


class Schedule:
    """A tick at the start and every `interval` seconds after it; the grid never moves.

    A tick that cannot begin in time (the previous one took too long, or the process was stopped) is skipped
    and counted; it is not made up for later.

    Parameters
    ----------
    interval
        Seconds between ticks.
    clock
        A monotonic clock, in seconds.

    Attributes
    ----------
    skipped
        Ticks skipped so far.

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
        """Return the seconds until the next tick; 0 when it is due."""
        late = self._late()
        if late > TOO_LATE * self.interval:
            self._skip_past()
            late = self._late()
        return max(0.0, -late)

    def done(self) -> None:
        """Note that the due tick has been made."""
        self._next += 1
        if self._late() > 0:
            self._skip_past()

    def _late(self) -> float:
        return self._clock() - (self._origin + self._next * self.interval)

    def _skip_past(self) -> None:
        following = int((self._clock() - self._origin) // self.interval) + 1
        self.skipped += max(0, following - self._next)
        self._next = max(self._next, following)
