"""How a batch with repeated rows is cut into rounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from processors.order import order


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
    ordered = order(rows)
    if not ordered.repeats:
        yield np.arange(len(rows))
        return
    starts = np.flatnonzero(ordered.starts)
    rank = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    rank_of = np.empty_like(rank)
    rank_of[ordered.places] = rank
    by_rank = np.argsort(rank_of, kind="stable")
    bounds = np.searchsorted(rank_of[by_rank], np.arange(1, rank.max() + 1))
    yield from np.split(by_rank, bounds)
