"""For each record of a batch, the one before it of the same row."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Rows
from processors.order import order


class Previous:
    """Looks back within a batch; where there is nothing before, stored values stand in.

    Parameters
    ----------
    rows
        The row of each record, in input order; rows may repeat.

    Examples
    --------
    >>> previous = Previous(np.array([3, 5, 3, 3]))
    >>> previous.of(np.array([1.0, 2.0, 4.0, 7.0]), np.zeros(4)).tolist()
    [0.0, 0.0, 1.0, 4.0]
    """

    def __init__(self, rows: Rows) -> None:
        self._order = order(rows)
        self.repeats = self._order.repeats
        """Whether any row comes twice."""

    def of(self, values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
        """Return the value of the record before; of its row before the batch where there is none.

        Parameters
        ----------
        values, stored
            Of each record, and of the row of each record; shape `(B,)`.
        """
        return _chosen(self._record_before, values, stored) if self.repeats else stored

    def newest(self, where: Flags, values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
        """Return the value of the newest record before, of those with `where`; else the stored one."""
        if not self.repeats:
            return stored
        return _chosen(self._source(where, itself=False), values, stored)

    def newest_with_itself(self, where: Flags, values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
        """Return the same as `newest`, with the record itself among those that count."""
        if not self.repeats:
            return np.where(where, values, stored)
        return _chosen(self._source(where, itself=True), values, stored)

    def any_before(self, where: Flags) -> Flags:
        """Return whether a record before has `where`."""
        if not self.repeats:
            return np.zeros(len(where), dtype=np.bool_)
        before: Flags = self._source(where, itself=False) >= 0
        return before

    @cached_property
    def _record_before(self) -> Rows:
        return self._order.before()

    def _source(self, where: Flags, *, itself: bool) -> Rows:
        """Return the place of the newest record with `where`, in the batch; -1 where there is none."""
        places, starts = self._order.places, self._order.starts
        marked = where.take(places)
        latest = self._order.latest(marked)
        newest = np.where(marked.take(latest), places.take(latest), -1)
        if not itself:
            newest[1:] = np.where(starts[1:], -1, newest[:-1])
            newest[:1] = -1
        source = np.empty_like(places)
        source[places] = newest
        return source


def _chosen(source: Rows, values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
    return np.where(source >= 0, values.take(source), stored)
