"""What the agent says of its buffer when Kafka goes and when it returns."""

from __future__ import annotations

import time
from collections.abc import Callable

from producers.buffer import Buffer

_DAY_SECONDS = 86400


class Away:
    """Counts what is taken and held while Kafka is away.

    Parameters
    ----------
    buffer
        Where snapshots wait.
    interval_seconds
        Time between ticks.

    Attributes
    ----------
    taken
        Snapshots taken over since the start.
    held
        The most that waited since Kafka last answered.
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
        """Say how many snapshots wait, and how long there is room for more at the rate so far."""
        self._dropped = self._buffer.dropped
        per_second = self.taken / (self._clock() - self._began + self._interval)
        lasts = f", room for about {_duration(self._buffer.room / per_second)}" if per_second else ""
        return f"buffering: {self.held} snapshots are held{lasts}"

    def ended(self) -> str:
        """Say what was buffered, and what was dropped for lack of room."""
        return f"; {self.held} snapshots were buffered, {self._buffer.dropped - self._dropped} dropped"


def _duration(seconds: float) -> str:
    """Give a time for people.

    Examples
    --------
    >>> _duration(90), _duration(7000), _duration(1e6)
    ('2 min', '1.9 h', '11.6 days')
    """
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < _DAY_SECONDS else f"{seconds / _DAY_SECONDS:.1f} days"
