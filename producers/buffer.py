"""What waits for the broker: first in, first out, within fixed bounds."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Record(NamedTuple):
    """A key and a value, as bytes."""

    key: bytes
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.key) + len(self.value)


class Buffer:
    """A queue that drops its oldest records, and counts them, when it is full.

    Parameters
    ----------
    max_records, max_bytes
        Bounds on what is kept; bytes are those of keys and values.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._records: deque[Record] = deque()
        self.size = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Give the number of records kept."""
        return len(self._records)

    @property
    def room(self) -> int:
        """How many more records like those kept fit."""
        by_count = self._max_records - len(self)
        if not self.size:
            return by_count
        return min(by_count, (self._max_bytes - self.size) * len(self) // self.size)

    def append(self, record: Record) -> None:
        """Add the newest record; one too large for the whole buffer is itself dropped."""
        self._records.append(record)
        self.size += record.size
        while len(self._records) > self._max_records or self.size > self._max_bytes:
            self.pop()
            self.dropped += 1

    def oldest(self) -> Record:
        """Give the oldest record without taking it out."""
        return self._records[0]

    def pop(self) -> Record:
        """Take the oldest record out."""
        record = self._records.popleft()
        self.size -= record.size
        return record
