"""One timer per key, in the order in which they fall due."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from fleetleak.stream.role import Key


class Timers:
    """When each key is to be woken, unix seconds.

    Examples
    --------
    >>> timers = Timers()
    >>> timers.set(Key(0, b"a"), 30.0)
    >>> timers.set(Key(0, b"b"), 20.0)
    >>> [(key.name, due) for key, due in timers.fire(0, 25.0)]
    [(b'b', 20.0)]
    """

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        # One queued entry per key, by partition. It may be earlier than `_due`: a timer that moves on is not
        # queued again until then.
        self._queues: dict[int, list[tuple[float, Key]]] = {}
        self._queued: dict[Key, float] = {}

    def due(self, key: Key) -> float | None:
        """Return when a key's timer fires; None if it has none."""
        return self._due.get(key)

    def set(self, key: Key, due: float | None) -> None:
        """Set a key's timer in place of the one before; None cancels it."""
        if due is None:
            self._due.pop(key, None)
            return
        self._due[key] = due
        if due < self._queued.get(key, math.inf):
            self._queue(key, due)

    def fire(self, partition: int, now: float) -> Iterator[tuple[Key, float]]:
        """Take out the timers of a partition that are due, by their time, then by key.

        A timer that the caller sets meanwhile fires too, if it is due.
        """
        queue = self._queues.get(partition)
        while queue and queue[0][0] <= now:
            at, key = heapq.heappop(queue)
            if self._queued.get(key) != at:
                continue  # replaced by an earlier entry
            del self._queued[key]
            if (due := self._due.get(key)) is None:
                continue
            if due > at:
                self._queue(key, due)
                continue
            del self._due[key]
            yield key, due

    def drop(self, partition: int) -> None:
        """Forget the timers of a partition."""
        self._queues.pop(partition, None)
        self._due = {key: due for key, due in self._due.items() if key.partition != partition}
        self._queued = {key: at for key, at in self._queued.items() if key.partition != partition}

    def _queue(self, key: Key, due: float) -> None:
        self._queued[key] = due
        heapq.heappush(self._queues.setdefault(key.partition, []), (due, key))
