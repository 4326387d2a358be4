"""The payload of a row of `HalfSpaceTrees`: the number of records in each leaf, for its two windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Rows
from processors.models.codec import CorruptState
from processors.models.half_space_trees.shape import Leaves, leaf_counts

_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
_HEADER = 3  # widths of the three columns


def _width(largest: int) -> int:
    return 1 if largest < 2**8 else 2 if largest < 2**16 else 4


def encode(log: Leaves, records: Rows, n_leaves: int) -> list[bytes]:
    """Return one window of each row as bytes; the order of its records is lost.

    A window is three widths in bytes, then the leaves in use per tree, leaf numbers, and records per leaf.

    Parameters
    ----------
    log, records, n_leaves
        As in `leaf_counts`.
    """
    counts = leaf_counts(log, records, n_leaves)
    cells = np.flatnonzero(counts)
    occupied = np.count_nonzero(counts, axis=2)
    leaves, numbers = (cells & (n_leaves - 1)).astype(log.dtype), counts.ravel()[cells]
    ends = np.cumsum(occupied.sum(axis=1)).tolist()
    windows = []
    for row, (begin, end, size) in enumerate(zip([0, *ends], ends, records.tolist(), strict=False)):
        width = _width(size)
        per_tree, per_leaf = occupied[row].astype(_DTYPES[width]), numbers[begin:end].astype(_DTYPES[width])
        widths = bytes((width, log.dtype.itemsize, width))
        windows.append(widths + per_tree.tobytes() + leaves[begin:end].tobytes() + per_leaf.tobytes())
    return windows


def _take(payload: bytes, at: int, width: int, count: int) -> NDArray[Any]:
    if width not in _DTYPES or at + width * count > len(payload):
        raise CorruptState("the trees' state ends early")
    return np.frombuffer(payload, _DTYPES[width], count, at)


def _decode_window(
    payload: bytes, at: int, trees: int, n_leaves: int, window_size: int
) -> tuple[Leaves, int]:
    widths = _take(payload, at, 1, _HEADER).tolist()
    occupied = _take(payload, at + _HEADER, widths[0], trees)
    leaves = int(occupied.sum())
    at += _HEADER + widths[0] * trees
    leaf = _take(payload, at, widths[1], leaves)
    records = _take(payload, at + widths[1] * leaves, widths[2], leaves)
    at += (widths[1] + widths[2]) * leaves
    filled = np.append(0, np.cumsum(records, dtype=np.int64))[np.cumsum(occupied, dtype=np.int64)]
    size = int(filled[0])
    if (filled != size * np.arange(1, trees + 1)).any() or leaf.max(initial=0) >= n_leaves:
        raise CorruptState("the trees do not agree on the number of records")
    if size > window_size:
        raise CorruptState(f"a window has {size} records, where {window_size} are the most")
    return np.repeat(leaf, records).reshape(trees, size).T, at


def decode(payload: bytes, trees: int, n_leaves: int, window_size: int) -> tuple[Leaves, Leaves]:
    """Return the logs of both windows from the bytes of `encode`, one after the other.

    Each log is in the order of its leaves, shape `(records, trees)`.

    Raises
    ------
    CorruptState
        If the bytes are not a whole state of such trees.
    """
    finished, at = _decode_window(payload, 0, trees, n_leaves, window_size)
    current, at = _decode_window(payload, at, trees, n_leaves, window_size)
    if at != len(payload):
        raise CorruptState("the trees' state has bytes left over")
    if len(finished) not in (0, window_size) or len(current) >= window_size:
        raise CorruptState(f"windows of {len(finished)} and {len(current)} records do not fit {window_size}")
    return finished, current
