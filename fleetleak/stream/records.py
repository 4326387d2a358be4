"""A batch of records in columns, so that a role that works in columns needs no object per record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from fleetleak.stream.role import Record


class Records(Sequence[Record]):
    """The records of a batch in input order: one list per field of `Record`. An item is made when asked for.

    Parameters
    ----------
    partitions, offsets, keys, values, appended, clocks, topics
        As in `Record`; all of one length.
    """

    __slots__ = ("appended", "clocks", "keys", "offsets", "partitions", "topics", "values")

    def __init__(
        self,
        partitions: list[int],
        offsets: list[int],
        keys: list[bytes | None],
        values: list[bytes | None],
        appended: list[float],
        clocks: list[float],
        topics: list[str],
    ) -> None:
        self.partitions = partitions
        self.offsets = offsets
        self.keys = keys
        self.values = values
        self.appended = appended
        self.clocks = clocks
        self.topics = topics

    @classmethod
    def empty(cls) -> Records:
        """Return no records; the columns may be extended."""
        return cls([], [], [], [], [], [], [])

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        """Return records as columns; themselves where they are."""
        if isinstance(records, Records):
            return records
        return cls(
            [r.partition for r in records],
            [r.offset for r in records],
            [r.key for r in records],
            [r.value for r in records],
            [r.appended for r in records],
            [r.clock for r in records],
            [r.topic for r in records],
        )

    def take(self, places: Sequence[int]) -> Records:
        """Return the records at these places."""
        return Records(*([column[at] for at in places] for column in self._columns()))

    def _columns(self) -> tuple[list[Any], ...]:
        return (
            self.partitions, self.offsets, self.keys, self.values, self.appended, self.clocks, self.topics,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> Record: ...

    @overload
    def __getitem__(self, at: slice) -> Records: ...

    def __getitem__(self, at: int | slice) -> Record | Records:
        if isinstance(at, slice):
            return Records(*(column[at] for column in self._columns()))
        return Record(*(column[at] for column in self._columns()))

    def __iter__(self) -> Iterator[Record]:
        return map(Record, *self._columns())
