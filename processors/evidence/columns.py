"""Arrays with one row per key that can be grown, reset, dumped and loaded together."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import DTypeLike, NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Flags = NDArray[np.bool_]


class Columns:
    """Named arrays whose first axis is the key.

    Parameters
    ----------
    capacity
        Rows to hold at first.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._empty: dict[str, NDArray[Any]] = {}

    def column(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, empty: float) -> NDArray[Any]:
        """Add an array of `shape` per row, filled with `empty`; set it as the attribute `name`."""
        self._empty[name] = np.full(shape, empty, dtype)
        return np.full((self.capacity, *shape), empty, dtype)

    def grow(self, capacity: int) -> None:
        """Hold `capacity` rows; rows there are keep their state."""
        for name, empty in self._empty.items():
            old = getattr(self, name)
            new = np.empty((capacity, *empty.shape), empty.dtype)
            new[: len(old)] = old
            new[len(old) :] = empty
            setattr(self, name, new)
        self.capacity = capacity

    def reset(self, rows: Rows) -> None:
        """Make these rows new."""
        for name, empty in self._empty.items():
            getattr(self, name)[rows] = empty

    @property
    def layout(self) -> str:
        """Names, types and shapes: state of another layout must not be loaded."""
        return ",".join(f"{name}:{e.dtype.str}{list(e.shape)}" for name, e in self._empty.items())

    def dump(self, row: int) -> bytes:
        """Exact state of one row, with a checksum of layout and state in front."""
        state = b"".join(getattr(self, name)[row].tobytes() for name in self._empty)
        return self._checksum(state) + state

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state into a row.

        Raises
        ------
        ValueError
            If the bytes are not a whole state of this layout; the row is then new.
        """
        body = memoryview(state)[4:]
        if len(body) != self.row_bytes() or self._checksum(body) != bytes(state[:4]):
            self.reset(np.array([row]))
            raise ValueError(f"{len(state)} bytes are not a state of this layout")
        record = np.frombuffer(body, self._packed)[0]
        for name in self._empty:
            getattr(self, name)[row] = record[name]

    def row_bytes(self) -> int:
        """Bytes of state per row."""
        return self._packed.itemsize

    @cached_property
    def _packed(self) -> np.dtype[np.void]:
        """A row as it is dumped. Made once all columns are there: a restore loads tens of thousands."""
        return np.dtype([(name, e.dtype, e.shape) for name, e in self._empty.items()])

    @cached_property
    def _layout_crc(self) -> int:
        return crc32(self.layout.encode())

    def _checksum(self, state: bytes | memoryview) -> bytes:
        return crc32(state, self._layout_crc).to_bytes(4, "little")
