"""What the log says about the buffer when Kafka is away and when it returns."""

from __future__ import annotations

import time
from collections.abc import Callable

from producers.buffer import Buffer

_DAY_SECONDS = 86400


class Away:
    """Counts the snapshots that wait while Kafka is away.

    Parameters
    ----------
    buffer
        Where snapshots wait.
    interval_seconds
        Time between ticks, in seconds.
    clock
        A monotonic clock, in seconds.

    Attributes
    ----------
    taken
        Snapshots accepted since the start.
    held
        The highest number of waiting snapshots since Kafka last answered.
    """

    def __init__(
        self, buffer: Buffer, interval_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buffer = buffer
        self._interval = interval_seconds
        self._clock = clock
        self._began = clock()
        self._dropped = 0
        self.taken = 0
        self.held = 0

    def begins(self) -> str:
        """Return in words how many snapshots wait, and how long the buffer has room at the rate so far."""
        self._dropped = self._buffer.dropped
        per_second = self.taken / (self._clock() - self._began + self._interval)
        lasts = f", room for about {_duration(self._buffer.room / per_second)}" if per_second else ""
        return f"buffering: {self.held} snapshots are held{lasts}"

    def ended(self) -> str:
        """Return in words how many snapshots were buffered, and how many the full buffer dropped."""
        return f"; {self.held} snapshots were buffered, {self._buffer.dropped - self._dropped} dropped"


def _duration(seconds: float) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> _duration(90), _duration(7000), _duration(1e6)
    ('2 min', '1.9 h', '11.6 days')
    """
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < _DAY_SECONDS else f"{seconds / _DAY_SECONDS:.1f} days"
