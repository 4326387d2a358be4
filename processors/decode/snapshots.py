"""Readable snapshots of a batch as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fleetleak.records import Snapshot
from fleetleak.stream.records import Records
from processors.columns import Floats
from processors.decode.row import FLOATS, FLOATS_AT, INTS, INTS_AT, LABELS_AT, NAMES, values_of

Names = tuple[Any, ...]
"""The texts of a snapshot, in the order of `row.NAMES`, and its labels as pairs if it has any."""
Ints = NDArray[np.int64]

_LIMIT_NAME_AT = NAMES.index("limit_name")
_FLOAT_AT = {name: at for at, name in enumerate(FLOATS)}
_INT_AT = {name: at for at, name in enumerate(INTS)}


@dataclass(frozen=True)
class Snapshots:
    """Readable snapshots in input order.

    Parameters
    ----------
    records
        What they were decoded from.
    names
        What names each of them.
    floats, ints
        Their numbers, shapes `(len(row.FLOATS), B)` and `(len(row.INTS), B)`; NaN and -1 where absent.
    """

    records: Records
    names: list[Names]
    floats: Floats
    ints: Ints

    @classmethod
    def of_rows(cls, records: Records, rows: Sequence[tuple[Any, ...]]) -> Self:
        """Return the snapshots whose rows have these values (`row.Row`)."""
        return cls(records, _names(rows), *_numbers(rows))

    @classmethod
    def of(cls, snapshots: Sequence[Snapshot]) -> Self:
        """Return snapshots that did not come from records."""
        return cls.of_rows(Records.of([]), [values_of(snapshot) for snapshot in snapshots])

    def __len__(self) -> int:
        return len(self.names)

    def real(self, name: str) -> Floats:
        """Return the numbers of this name in the record, shape `(B,)`; NaN where absent."""
        column: Floats = self.floats[_FLOAT_AT[name]]
        return column

    def whole(self, name: str) -> Ints:
        """Return the whole numbers of this name in the record, shape `(B,)`; -1 where absent."""
        column: Ints = self.ints[_INT_AT[name]]
        return column

    def limit_name(self, at: int) -> str | None:
        """Return the name of the limit of one snapshot."""
        name: str | None = self.names[at][_LIMIT_NAME_AT]
        return name

    def between(self, begin: int, end: int) -> Snapshots:
        """Return the snapshots from `begin` to before `end`."""
        if begin == 0 and end == len(self):
            return self
        part = slice(begin, end)
        return Snapshots(self.records[part], self.names[part], self.floats[:, part], self.ints[:, part])

    def take(self, places: NDArray[np.intp]) -> Snapshots:
        """Return the snapshots at these places."""
        at = places.tolist()
        return Snapshots(
            self.records.take(at),
            [self.names[place] for place in at],
            self.floats.take(places, axis=1),
            self.ints.take(places, axis=1),
        )


def _names(rows: Sequence[tuple[Any, ...]]) -> list[Names]:
    names = [row[:LABELS_AT] for row in rows]
    if any(row[LABELS_AT] for row in rows):
        return [
            (*known, *row[LABELS_AT].items()) if row[LABELS_AT] else known
            for known, row in zip(names, rows, strict=True)
        ]
    return names


def _numbers(rows: Sequence[tuple[Any, ...]]) -> tuple[Any, Any]:
    """Return the floats and the whole numbers of all rows, one contiguous line for each name."""
    floats = np.fromiter(
        chain.from_iterable([row[FLOATS_AT] for row in rows]), np.float64, len(rows) * len(FLOATS)
    )
    ints = np.fromiter(chain.from_iterable([row[INTS_AT] for row in rows]), np.int64, len(rows) * len(INTS))
    return (
        np.ascontiguousarray(floats.reshape(-1, len(FLOATS)).T),
        np.ascontiguousarray(ints.reshape(-1, len(INTS)).T),
    )
