"""At most so many notices a minute to one target."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

_SECONDS = 60.0


class Limit:
    """Counts the notices of the last minute. Several threads may use it.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: deque[float] = deque()

    def take(self) -> float:
        """Count one notice and return 0; if it is one too many, return the seconds to wait instead."""
        with self._lock:
            now = self._clock()
            while self._newest and self._newest[0] <= now - _SECONDS:
                self._newest.popleft()
            if len(self._newest) >= self._per_minute:
                return self._newest[0] + _SECONDS - now
            self._newest.append(now)
            return 0.0
