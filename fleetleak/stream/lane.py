"""One partition of a delivery: what waits, and the attempt that is under way."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Executor, Future

from fleetleak.stream.role import Record
from fleetleak.stream.target import Answer, Never, Target, TryAgain

log = logging.getLogger(__name__)

_MOST_WAITING = 100
_FAILURES = 4  # attempts that raised in a row, after which a record is given up
_FIRST_PAUSE_SECONDS = 1.0


class Lane:
    """Delivers the records of one partition one after the other. Only its own methods change it.

    Attributes
    ----------
    attempt
        The attempt that is under way, if any.
    done
        The offset to commit; None if everything delivered is committed.
    """

    def __init__(self) -> None:
        self._waiting: deque[Record] = deque()
        self._not_before = 0.0
        self._failures = 0
        self._paused = False
        self.attempt: Future[Answer] | None = None
        self.done: int | None = None

    def take(self, record: Record) -> None:
        """Queue a record."""
        self._waiting.append(record)

    def pauses(self) -> bool:
        """Return whether its partition must be paused now: so many records wait."""
        if self._paused or len(self._waiting) < _MOST_WAITING:
            return False
        self._paused = True
        return True

    def resumes(self) -> bool:
        """Return whether its partition may flow again."""
        if not self._paused or len(self._waiting) >= _MOST_WAITING / 2:
            return False
        self._paused = False
        return True

    def start(self, pool: Executor, target: Target, now: float) -> None:
        """Begin the next attempt, if it is time; `now` is in monotonic seconds."""
        if self.attempt is None and self._waiting and now >= self._not_before:
            self.attempt = pool.submit(target.attempt, self._waiting[0])

    def answer(self) -> Answer | None:
        """Return the answer to the attempt if it has ended; one that raised is tried again a few times."""
        if self.attempt is None or not self.attempt.done():
            return None
        attempt, self.attempt = self.attempt, None
        if (error := attempt.exception()) is None:
            return attempt.result()
        self._failures += 1
        log.error("an attempt failed", exc_info=error)
        why = f"{type(error).__name__}: {error}"
        if self._failures >= _FAILURES:
            return Never("failed", why)
        return TryAgain(why, _FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1))

    def wait_until(self, time: float) -> None:
        """Try the same record again, not before this time, monotonic seconds."""
        self._not_before = time

    def next(self) -> Record:
        """Take the first record out: it is delivered, or never will be."""
        record = self._waiting.popleft()
        self._failures, self._not_before, self.done = 0, 0.0, record.offset + 1
        return record

    def committed(self) -> None:
        """Note that the offset is committed."""
        self.done = None
