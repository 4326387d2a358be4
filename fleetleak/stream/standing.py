"""Whether a process is a working member of its consumer group, for its readiness."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from fleetleak.kafka.reach import Reach

_LEAST_SECONDS = 5.0
_STANDBY_SECONDS = 15.0
STAND_BY = "stand-by: no partition is assigned to this process"


class Standing:
    """Follows the membership of a process in its group.

    Parameters
    ----------
    reach
        When a broker last answered.
    session_seconds
        The group's session timeout: a rebalance may take two of them.
    clock, wall
        Seconds that only grow, and unix seconds.
    """

    def __init__(
        self,
        reach: Reach,
        session_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reach = reach
        self._patience = max(_LEAST_SECONDS, 2 * session_seconds)
        self._clock = clock
        self._wall = wall
        self._began = clock()
        self._joined = False
        self._alone_since: float | None = None
        self._member = False

    def assigned(self) -> None:
        """Note an assignment, also one of no partition: with more processes than partitions some stand by."""
        self._joined = True
        self._alone_since = None

    def left(self) -> None:
        """Note that the last partition was revoked."""
        self._alone_since = self._clock()

    def member(self, identity: str, incremental: bool) -> None:
        """Note the member id: an incremental assignment of no partitions is not announced.

        Such a client has its id before a broker knows it, so it counts as a member after some seconds only.
        """
        waited = self._clock() - self._began >= _STANDBY_SECONDS
        self._member = incremental and waited and bool(identity)

    def wrong(self) -> str | None:
        """Return None while all is well, else what is wrong and since when."""
        if (silent_seconds := self._reach.silent_seconds) > self._patience:
            why = f": {self._reach}" if self._reach.cause else ""
            return f"no broker has answered since {self._told(silent_seconds)}{why}"
        if not self._joined and not self._member:
            return "waiting for the consumer group"
        if self._alone_since is None or self._member:
            return None
        alone_seconds = self._clock() - self._alone_since
        if alone_seconds <= self._patience:
            return None
        return f"no partition is owned since {self._told(alone_seconds)}: not in the consumer group"

    def _told(self, seconds_ago: float) -> str:
        return datetime.fromtimestamp(self._wall() - seconds_ago, UTC).isoformat(timespec="seconds")
