"""Poison: a record that makes a role fail must cost itself only, not its batch and not the process."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from fleetleak.stream.role import Record, Rejected

log = logging.getLogger(__name__)

MOST = 1000


class TooMuchPoison(RuntimeError):
    """So many records make the role fail that the role itself must be broken."""


class Poison:
    """Remembers which records make the role fail, and which batches are under suspicion."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}
        self._suspected: set[tuple[int, int]] = set()

    def suspect(self, batch: Sequence[Record], error: BaseException) -> None:
        """Note that a batch failed: alone, a record is the culprit; else each is to be tried alone.

        Raises
        ------
        TooMuchPoison
            After 1,000 culprits.
        """
        places = [(r.partition, r.offset) for r in batch]
        if len(places) > 1:
            self._suspected.update(places)
            return
        self._suspected.discard(places[0])
        self._known[places[0]] = f"{type(error).__name__}: {error}"
        if len(self._known) > MOST:
            raise TooMuchPoison(f"more than {MOST} records make this role fail; the last: {error}") from error

    def cut(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Give the batch whole, or record by record where some of it is under suspicion."""
        # What is suspected may never come again, where its partition went to another process.
        if self._suspected.isdisjoint((r.partition, r.offset) for r in records):
            if records:
                yield records
            return
        for record in records:
            yield [record]
        self._suspected.difference_update((r.partition, r.offset) for r in records)

    def sift(self, records: Sequence[Record], max_bytes: int) -> tuple[Sequence[Record], list[Rejected]]:
        """Take out what is known to be poison, and what is too large."""
        if not self._known and all(len(r.value or b"") <= max_bytes for r in records):
            return records, []
        usable: list[Record] = []
        rejected: list[Rejected] = []
        for record in records:
            if cause := self._known.get((record.partition, record.offset)):
                rejected.append(Rejected(record, "failed", cause))
            elif (size := len(record.value or b"")) > max_bytes:
                rejected.append(Rejected(record, "oversized", f"{size} bytes; the most is {max_bytes}"))
            else:
                usable.append(record)
        return usable, rejected
