"""The records of a batch by the row that they belong to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from processors.columns import Flags, Rows


class Order(NamedTuple):
    """An order of records in which those of a row stand together, in the order of the batch.

    Parameters
    ----------
    places
        Places in the batch, in this order.
    starts
        Whether a record is the first of its row, in this order.
    """

    places: Rows
    starts: Flags

    @property
    def repeats(self) -> bool:
        """Whether any row has several records."""
        return not self.starts.all()

    @property
    def ends(self) -> Flags:
        """Whether a record is the last of its row, in this order."""
        ends = np.ones_like(self.starts)
        ends[:-1] = self.starts[1:]
        return ends

    def latest(self, marked: Flags) -> Rows:
        """Return for each record the newest marked one of its row up to it, or its row's first one.

        All of this is in this order.
        """
        newest: Rows = np.where(marked | self.starts, np.arange(len(marked)), 0)
        return np.maximum.accumulate(newest)

    def before(self) -> Rows:
        """Return the place in the batch of the record before each of the same row; -1 for the first one."""
        before = np.full(len(self.places), -1, np.intp)
        before[self.places[1:]] = np.where(self.starts[1:], -1, self.places[:-1])
        return before


def order(rows: Rows) -> Order:
    """Return the records of these rows in order."""
    places = np.argsort(rows, kind="stable")
    ranked = rows.take(places)
    starts = np.ones(len(rows), np.bool_)
    np.not_equal(ranked[1:], ranked[:-1], out=starts[1:])
    return Order(places, starts)
