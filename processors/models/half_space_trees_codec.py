"""The payload of a `HalfSpaceTrees` row: only the occupied leaves of its two windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.models.codec import CorruptState

Counts = NDArray[np.int64]
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}


def _width(largest: int) -> int:
    return 1 if largest < 2**8 else 2 if largest < 2**16 else 4


def _encode_window(counts: Counts) -> bytes:
    tree, leaf = np.nonzero(counts)
    records = counts[tree, leaf]
    occupied = np.bincount(tree, minlength=len(counts))
    widths = [_width(int(column.max(initial=0))) for column in (occupied, leaf, records)]
    columns = (occupied, leaf, records)
    body = [column.astype(_DTYPES[width]).tobytes() for column, width in zip(columns, widths, strict=True)]
    return bytes(widths) + b"".join(body)


def encode(finished: Counts, current: Counts) -> bytes:
    """Write both windows: per window three widths, leaves occupied per tree, leaf numbers, counts."""
    return _encode_window(finished) + _encode_window(current)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, width: int, count: int) -> Counts:
        size = width * count
        if width not in _DTYPES or self._at + size > len(self._data):
            raise CorruptState("the trees' state ends early")
        column = np.frombuffer(self._data, _DTYPES[width], count, self._at)
        self._at += size
        return column.astype(np.int64)

    def at_end(self) -> bool:
        return self._at == len(self._data)


def _decode_window(reader: _Reader, n_trees: int, n_leaves: int) -> Counts:
    widths = reader.take(1, 3).tolist()
    occupied = reader.take(widths[0], n_trees)
    leaf = reader.take(widths[1], int(occupied.sum()))
    records = reader.take(widths[2], len(leaf))
    cell = np.repeat(np.arange(n_trees) * n_leaves, occupied) + leaf
    if (leaf >= n_leaves).any() or (records == 0).any() or (np.diff(cell) <= 0).any():
        raise CorruptState("the trees' leaves are not in order")
    counts = np.zeros((n_trees, n_leaves), dtype=np.int64)
    counts.ravel()[cell] = records
    return counts


def decode(payload: bytes, n_trees: int, n_leaves: int) -> tuple[Counts, Counts]:
    """Read what `encode` wrote.

    Raises
    ------
    CorruptState
        If it is not a whole state of such trees.
    """
    reader = _Reader(payload)
    windows = _decode_window(reader, n_trees, n_leaves), _decode_window(reader, n_trees, n_leaves)
    if not reader.at_end():
        raise CorruptState("the trees' state has bytes left over")
    return windows
