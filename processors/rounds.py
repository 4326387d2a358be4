"""How a batch with repeated rows is cut into rounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def rounds(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the rounds of a batch as index arrays: no row appears twice in one, and each row keeps its order.

    Most batches have each row once, and are one round.

    Examples
    --------
    >>> [r.tolist() for r in rounds(np.array([3, 5, 3, 3, 5]))]
    [[0, 1], [2, 4], [3]]
    """
    if not len(rows):
        return
    order = np.argsort(rows, kind="stable")
    ranked = rows[order]
    first = np.empty(len(rows), dtype=bool)
    first[0] = True
    np.not_equal(ranked[1:], ranked[:-1], out=first[1:])
    if first.all():
        yield np.arange(len(rows))
        return
    starts = np.flatnonzero(first)
    rank = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    rank_of = np.empty_like(rank)
    rank_of[order] = rank
    by_rank = np.argsort(rank_of, kind="stable")
    bounds = np.searchsorted(rank_of[by_rank], np.arange(1, rank.max() + 1))
    yield from np.split(by_rank, bounds)
