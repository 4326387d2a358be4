"""Poison: a record that makes the role fail costs only itself, not its batch and not the process."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from fleetleak.stream.errors import TooMuchPoison
from fleetleak.stream.records import Records
from fleetleak.stream.role import Record, Rejected

log = logging.getLogger(__name__)

MOST = 1000
_Place = tuple[str, int, int]


class Poison:
    """Remembers which records make the role fail, and which may be the cause of a failed batch.

    Parameters
    ----------
    is_secret
        Whether errors may hold parts of records that must not be shown: then only their place in the code is.
    """

    def __init__(self, *, is_secret: bool = False) -> None:
        self._is_secret = is_secret
        self._known: dict[_Place, str] = {}
        self._suspected: set[_Place] = set()

    def suspect(self, batch: Sequence[Record], error: BaseException) -> str:
        """Note that a batch failed, and return why.

        A record that failed alone is poison; else each is tried alone next.

        Raises
        ------
        TooMuchPoison
            After 1,000 poison records.
        """
        why = f"{type(error).__name__}{_code(error) if self._is_secret else f': {error}'}"
        places = [_place(r) for r in batch]
        if len(places) > 1:
            self._suspected.update(places)
            return why
        self._suspected.discard(places[0])
        self._known[places[0]] = why
        if len(self._known) > MOST:
            cause = None if self._is_secret else error
            raise TooMuchPoison(f"more than {MOST} records make this role fail; the last: {why}") from cause
        return why

    def cut(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Return the batch whole, or record by record if some of its records are suspected."""
        # A suspected record may never come here again: its partition may have moved.
        if not self._suspected or self._suspected.isdisjoint(_place(r) for r in records):
            if records:
                yield records
            return
        for record in records:
            yield [record]
        self._suspected.difference_update(_place(r) for r in records)

    def sift(self, records: Sequence[Record], max_bytes: int) -> tuple[Sequence[Record], list[Rejected]]:
        """Return the usable records, and those that are known poison or too large."""
        if not self._known and all(len(value or b"") <= max_bytes for value in Records.of(records).values):
            return records, []
        usable: list[Record] = []
        rejected: list[Rejected] = []
        for record in records:
            if cause := self._known.get(_place(record)):
                rejected.append(Rejected(record, "failed", cause))
            elif (size := len(record.value or b"")) > max_bytes:
                rejected.append(Rejected(record, "oversized", f"{size} bytes; the most is {max_bytes}"))
            else:
                usable.append(record)
        return usable, rejected


def _code(error: BaseException) -> str:
    """Return where in the code an error came up, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return "".join(f" in {frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in frames)


def _place(record: Record) -> _Place:
    return record.topic, record.partition, record.offset
