"""One partition of a delivery: what waits, and the attempt that is under way."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Executor, Future

from fleetleak.stream.retry import Retry
from fleetleak.stream.role import Record
from fleetleak.stream.target import Answer, Never, Target, TryAgain

log = logging.getLogger(__name__)

_MOST_WAITING = 100
_FAILURES = 4  # attempts that raised in a row, after which a record is given up


class Lane:
    """Delivers the records of one partition one after the other. Only its own methods change it.

    Parameters
    ----------
    newest_only
        Whether a record that waits for another attempt gives way to a newer one with the same key.

    Attributes
    ----------
    attempt
        The attempt that is under way, if any.
    restored
        Whether its attempts may begin: the target knows its state.
    """

    def __init__(self, retry: Retry, newest_only: bool = False) -> None:
        self._waiting: deque[Record] = deque()
        self._retry = retry
        self._newest_only = newest_only
        self._failures = 0
        self._paused = False
        self._end = 0  # the offset after the newest record taken
        self._done: int | None = None
        self._unacknowledged = 0
        self.attempt: Future[Answer] | None = None
        self.restored = False

    def restore(self) -> None:
        """Let attempts begin: the target knows its state."""
        self.restored = True

    def take(self, record: Record) -> None:
        """Queue a record."""
        self._waiting.append(record)
        self._end = record.offset + 1

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
        free = self.restored and self.attempt is None and not self._unacknowledged
        if free and self._waiting and self._retry.due(now):
            self._retry.begin(now)
            self.attempt = pool.submit(target.attempt, self._waiting[0])

    def answer(self, now: float) -> Answer | None:
        """Return the answer to the attempt if it has ended; one that raised is tried again a few times."""
        if self.attempt is None or not self.attempt.done():
            return None
        attempt, self.attempt = self.attempt, None
        if (error := attempt.exception()) is None:
            answer = attempt.result()
        else:
            log.error("an attempt failed", exc_info=error)
            self._failures += 1
            why = f"{type(error).__name__}: {error}"
            answer = Never("failed", why) if self._failures >= _FAILURES else TryAgain(why)
        return self._retry.after(answer, now) if isinstance(answer, TryAgain) else answer

    def superseded(self) -> int:
        """Drop the first record if it waits for another attempt and newer ones have its key.

        The newest of them takes its place. Return how many records were dropped.
        """
        if not (self._newest_only and self._retry.again and self.attempt is None and self._waiting):
            return 0
        key = self._waiting[0].key
        same = [record for record in self._waiting if record.key == key]
        if key is None or len(same) == 1:
            return 0
        newest = max(same, key=lambda record: record.offset)
        self._waiting = deque([newest, *(record for record in self._waiting if record.key != key)])
        self._failures = 0
        self._retry.replaced()
        self._settle()
        return len(same) - 1

    def next(self) -> Record:
        """Take the first record out: it is delivered, or never will be."""
        record = self._waiting.popleft()
        self._failures = 0
        self._retry.reset()
        self._settle()
        return record

    def _settle(self) -> None:
        # The first record may have come from behind the others.
        self._done = min((record.offset for record in self._waiting), default=self._end)

    def oldest(self) -> float | None:
        """Return when the oldest record that waits was appended, unix seconds; None if none waits."""
        return min((record.appended for record in self._waiting), default=None)

    def published(self) -> None:
        """Note that something was produced for a record that is done with."""
        self._unacknowledged += 1

    def acknowledged(self) -> None:
        """Note that the brokers have it."""
        self._unacknowledged -= 1

    @property
    def done(self) -> int | None:
        """The offset to commit; None if there is none, or what belongs to it is not acknowledged yet."""
        return None if self._unacknowledged else self._done

    @property
    def unfinished(self) -> bool:
        """Whether the newest record may be delivered again if the partition is given up now."""
        return self.attempt is not None or self._done is not None

    def committed(self) -> None:
        """Note that the offset is committed."""
        self._done = None
