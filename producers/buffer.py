"""A bounded queue of records that wait for the broker."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Record(NamedTuple):
    """The key and the value of a Kafka record."""

    key: bytes
    value: bytes

    @property
    def size(self) -> int:
        """Return the size of both, in bytes."""
        return len(self.key) + len(self.value)


class Buffer:
    """A first-in, first-out queue; when it is full it drops its oldest records and counts them.

    Parameters
    ----------
    max_records, max_bytes
        Bounds on what is kept; bytes are those of keys and values.

    Attributes
    ----------
    size
        Bytes that are kept.
    dropped
        Records dropped so far.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._records: deque[Record] = deque()
        self.size = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Return the number of records kept."""
        return len(self._records)

    @property
    def room(self) -> int:
        """Return how many more records of the present mean size fit."""
        by_count = self._max_records - len(self)
        if not self.size:
            return by_count
        return min(by_count, (self._max_bytes - self.size) * len(self) // self.size)

    def append(self, record: Record) -> None:
        """Add the newest record; one larger than the whole buffer is dropped with all the others."""
        self._records.append(record)
        self.size += record.size
        while len(self._records) > self._max_records or self.size > self._max_bytes:
            self.pop()
            self.dropped += 1

    def oldest(self) -> Record:
        """Return the oldest record; it stays in the queue."""
        return self._records[0]

    def pop(self) -> Record:
        """Remove the oldest record, and return it."""
        record = self._records.popleft()
        self.size -= record.size
        return record
