"""The samples of a batch by the row that they belong to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from processors.columns import Flags, Rows


class Order(NamedTuple):
    """An order of samples in which those of a row stand together, in the order of the batch.

    Parameters
    ----------
    places
        Places in the batch, in this order.
    starts
        Whether a sample is the first of its row, in this order.
    """

    places: Rows
    starts: Flags

    @property
    def repeats(self) -> bool:
        """Whether any row has several samples."""
        return not self.starts.all()

    def latest(self, marked: Flags) -> Rows:
        """Return for each sample the newest marked one of its row up to it, or its row's first one.

        Parameters
        ----------
        marked
            In this order, shape `(B,)` or `(B, n)`.

        Returns
        -------
        Indices in this order, of the shape of `marked`.
        """
        column = (-1,) + (1,) * (marked.ndim - 1)
        index = np.arange(len(self.places)).reshape(column)
        newest: Rows = np.where(marked | self.starts.reshape(column), index, 0)
        return np.maximum.accumulate(newest, axis=0)


def order(rows: Rows) -> Order:
    """Return the samples of these rows in order."""
    places = np.argsort(rows, kind="stable")
    ranked = rows.take(places)
    starts = np.ones(len(rows), np.bool_)
    np.not_equal(ranked[1:], ranked[:-1], out=starts[1:])
    return Order(places, starts)
