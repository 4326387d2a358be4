"""The agent's pulse: does it measure, and does Kafka take what it publishes?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

_INTERVALS = 3
# With short intervals a busy host is no reason to start the agent anew.
_LEAST_SECONDS = 10.0


class Clock(Protocol):
    """Two clocks in seconds; the module `time` is one."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...


class Pulse:
    """Remembers ticks and acknowledgements; the health server's thread asks.

    Parameters
    ----------
    interval_seconds
        Time between ticks; three of them without one is too long.
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
        """Note a tick that published so many snapshots."""
        self._ticked = self._clock.monotonic()
        if published and self._owed_since is None:
            self._owed_since = self._ticked

    def acknowledged(self, count: int) -> None:
        """Note how many snapshots Kafka has acknowledged so far."""
        if count > self._count:
            self._count = count
            self._acknowledged = self._clock.monotonic()
            self._owed_since = None

    def healthy(self) -> str | None:
        """Give None while the agent ticks, else since when it does not."""
        return f"no tick since {self._told(self._ticked)}" if self._late(self._ticked) else None

    def ready(self) -> str | None:
        """Give None while Kafka takes what is published, else since when it does not."""
        if (owed := self._owed_since) is None:
            return None
        if (last := self._acknowledged) is None:
            return f"no acknowledgement from Kafka since the start at {self._told(owed)}"
        return f"no acknowledgement from Kafka since {self._told(last)}" if self._late(owed) else None

    def _late(self, since: float) -> bool:
        return self._clock.monotonic() - since > self._patience

    def _told(self, moment: float) -> str:
        at = self._clock.time() - (self._clock.monotonic() - moment)
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
