"""Whether the agent still measures, and whether Kafka acknowledges what it publishes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

_INTERVALS = 3
# With short intervals, a busy host must not get the agent restarted.
_LEAST_SECONDS = 10.0


class Clock(Protocol):
    """A monotonic clock and the time of day, in seconds; the module `time` has both."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...


class Pulse:
    """Remembers ticks and acknowledgements; the thread of the health server reads them.

    Parameters
    ----------
    interval_seconds
        Time between ticks, in seconds. Three intervals without a tick are too long.
    clock
        Where time comes from.
    """

    def __init__(self, interval_seconds: float, clock: Clock) -> None:
        self._patience = max(_INTERVALS * interval_seconds, _LEAST_SECONDS)
        self._clock = clock
        self._ticked = clock.monotonic()
        self._acknowledged: float | None = None
        self._count = 0
        self._owed_since: float | None = None

    def ticked(self, published: int) -> None:
        """Note a tick and the number of snapshots it published."""
        self._ticked = self._clock.monotonic()
        if published and self._owed_since is None:
            self._owed_since = self._ticked

    def acknowledged(self, count: int) -> None:
        """Note how many snapshots Kafka has acknowledged since the start."""
        if count > self._count:
            self._count = count
            self._acknowledged = self._clock.monotonic()
            self._owed_since = None

    def healthy(self) -> str | None:
        """Return None while the agent ticks, else since when it does not."""
        return f"no tick since {self._time_of_day(self._ticked)}" if self._late(self._ticked) else None

    def ready(self) -> str | None:
        """Return None while Kafka acknowledges snapshots, else since when it does not."""
        if (owed := self._owed_since) is None:
            return None
        if (last := self._acknowledged) is None:
            return f"no acknowledgement from Kafka since the start at {self._time_of_day(owed)}"
        return f"no acknowledgement from Kafka since {self._time_of_day(last)}" if self._late(owed) else None

    def _late(self, since: float) -> bool:
        return self._clock.monotonic() - since > self._patience

    def _time_of_day(self, moment: float) -> str:
        at = self._clock.time() - (self._clock.monotonic() - moment)
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
