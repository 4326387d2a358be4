"""The payload of a row of `HalfSpaceTrees`: the number of records in each leaf, for its two windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.models.codec import CorruptState
from processors.models.half_space_trees.shape import Leaves

_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
_HEADER = 3  # widths of the three columns


def _width(largest: int) -> int:
    return 1 if largest < 2**8 else 2 if largest < 2**16 else 4


def _encode_window(log: Leaves, n_leaves: int) -> bytes:
    trees = log.shape[1]
    counts = np.bincount((log + n_leaves * np.arange(trees)).ravel(), minlength=trees * n_leaves)
    cells = np.flatnonzero(counts)
    occupied = np.diff(np.searchsorted(cells, n_leaves * np.arange(trees + 1)))
    columns = (occupied, cells & (n_leaves - 1), counts[cells])
    widths = (_width(len(log)), log.dtype.itemsize, _width(len(log)))
    pieces = (column.astype(_DTYPES[width]) for column, width in zip(columns, widths, strict=True))
    return bytes(widths) + b"".join(piece.tobytes() for piece in pieces)


def encode(finished: Leaves, current: Leaves, n_leaves: int) -> bytes:
    """Return the logs of both windows, shape `(records, trees)`, as bytes; the order within a window is lost.

    Each window is three widths in bytes, then the leaves in use per tree, leaf numbers, and records per leaf.
    """
    return _encode_window(finished, n_leaves) + _encode_window(current, n_leaves)


def _take(payload: bytes, at: int, width: int, count: int) -> NDArray[Any]:
    if width not in _DTYPES or at + width * count > len(payload):
        raise CorruptState("the trees' state ends early")
    return np.frombuffer(payload, _DTYPES[width], count, at)


def _decode_window(payload: bytes, at: int, trees: int, n_leaves: int) -> tuple[Leaves, int]:
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
    return np.repeat(leaf, records).reshape(trees, size).T, at


def decode(payload: bytes, trees: int, n_leaves: int) -> tuple[Leaves, Leaves]:
    """Return the logs of both windows from bytes of `encode`; each log is in order of leaf.

    Raises
    ------
    CorruptState
        If the bytes are not a whole state of such trees.
    """
    finished, at = _decode_window(payload, 0, trees, n_leaves)
    current, at = _decode_window(payload, at, trees, n_leaves)
    if at != len(payload):
        raise CorruptState("the trees' state has bytes left over")
    return finished, current
