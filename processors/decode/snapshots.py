"""Readable snapshots of a batch as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fleetleak.records import Snapshot
from fleetleak.stream.records import Records
from processors.columns import Floats, Rows
from processors.decode.row import FLOATS, FLOATS_AT, INTS, INTS_AT, values_of

Ints = NDArray[np.int64]
RowValues = tuple[Any, ...]
"""The values of a `row.Row`, in its order."""

_FLOAT_AT = {name: at for at, name in enumerate(FLOATS)}
_INT_AT = {name: at for at, name in enumerate(INTS)}


@dataclass(frozen=True)
class Snapshots:
    """Readable snapshots in input order.

    Parameters
    ----------
    records
        What they were decoded from.
    floats, ints
        Their numbers, shapes `(len(row.FLOATS), B)` and `(len(row.INTS), B)`; NaN and -1 where absent.
    """

    records: Records
    floats: Floats
    ints: Ints

    @classmethod
    def of(cls, snapshots: Sequence[Snapshot]) -> Snapshots:
        """Return snapshots that did not come from records."""
        return cls(Records.empty(), *columns([values_of(snapshot) for snapshot in snapshots]))

    def __len__(self) -> int:
        return len(self.floats[0])

    def real(self, name: str) -> Floats:
        """Return the numbers of this name in the record, shape `(B,)`; NaN where absent."""
        column: Floats = self.floats[_FLOAT_AT[name]]
        return column

    def whole(self, name: str) -> Ints:
        """Return the whole numbers of this name in the record, shape `(B,)`; -1 where absent."""
        column: Ints = self.ints[_INT_AT[name]]
        return column

    def take(self, places: Rows) -> Snapshots:
        """Return the snapshots at these places."""
        records = self.records.take(places.tolist())
        return Snapshots(records, self.floats.take(places, axis=1), self.ints.take(places, axis=1))


def columns(rows: Sequence[RowValues]) -> tuple[Floats, Ints]:
    """Return the numbers of rows, one contiguous line for each name."""
    reals = chain.from_iterable([row[FLOATS_AT] for row in rows])
    wholes = chain.from_iterable([row[INTS_AT] for row in rows])
    floats = np.fromiter(reals, np.float64, len(rows) * len(FLOATS))
    ints = np.fromiter(wholes, np.int64, len(rows) * len(INTS))
    return (
        np.ascontiguousarray(floats.reshape(-1, len(FLOATS)).T),
        np.ascontiguousarray(ints.reshape(-1, len(INTS)).T),
    )
