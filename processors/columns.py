"""Columns: named arrays with one row per key, which are grown, reset, dumped and loaded together."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import DTypeLike, NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Flags = NDArray[np.bool_]


class Seal(Protocol):
    """A few bytes in front of a dumped row, which keep damaged or foreign bytes from being loaded."""

    size: ClassVar[int]
    """Bytes in front of the row."""

    def close(self, row: bytes) -> bytes:
        """Return the row with its seal."""

    def open(self, state: bytes, size: int) -> bytes | memoryview:
        """Return the row of `size` bytes behind its seal.

        Raises
        ------
        ValueError
            If the bytes are not one whole sealed row.
        """


class LayoutChecksum:
    """The default seal: a CRC-32 over the layout and the row."""

    size: ClassVar[int] = 4

    def __init__(self, layout: str) -> None:
        self._layout = crc32(layout.encode())

    def close(self, row: bytes) -> bytes:
        return self._checksum(row) + row

    def open(self, state: bytes, size: int) -> memoryview:
        row = memoryview(state)[self.size :]
        if len(row) != size or self._checksum(row) != bytes(state[: self.size]):
            raise ValueError(f"{len(state)} bytes are not a state of this layout")
        return row

    def _checksum(self, row: bytes | memoryview) -> bytes:
        return crc32(row, self._layout).to_bytes(self.size, "little")


class Columns:
    """Named arrays; row `r` of each belongs to the same key.

    A subclass adds its columns in `__init__`: `self.low = self.column("low", ...)`.

    Parameters
    ----------
    capacity
        Number of rows at first. Columns that are zero when new take no memory until a row is used.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._new: dict[str, NDArray[Any]] = {}

    def column(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, new: float = 0.0) -> NDArray[Any]:
        """Return a column of `shape` per row, `new` in new rows. The caller sets it as attribute `name`."""
        self._new[name] = row = np.full(shape, new, _little_endian(np.dtype(dtype)))
        return _repeated(row, self.capacity)

    def grow(self, capacity: int) -> None:
        """Extend to `capacity` rows; existing rows keep their state.

        Raises
        ------
        ValueError
            If `capacity` is less than before.
        """
        if capacity < self.capacity:
            raise ValueError(f"cannot shrink from {self.capacity} rows to {capacity}")
        for name, new in self._new.items():
            larger = _repeated(new, capacity)
            larger[: self.capacity] = getattr(self, name)
            setattr(self, name, larger)
        self.capacity = capacity

    def reset(self, rows: Rows) -> None:
        """Make these rows new."""
        for name, new in self._new.items():
            getattr(self, name)[rows] = new

    def dump(self, row: int) -> bytes:
        """Return the exact state of one row, with its seal."""
        return self.seal.close(b"".join(getattr(self, name)[row].tobytes() for name in self._new))

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state into a row.

        Raises
        ------
        ValueError
            If the bytes are not a whole state of these columns; the row is then new.
        """
        try:
            body = self.seal.open(state, self.row_bytes())
        except ValueError:
            self.reset(np.array([row]))
            raise
        stored = np.frombuffer(body, self._packed)[0]
        for name in self._new:
            getattr(self, name)[row] = stored[name]

    def row_bytes(self) -> int:
        """Return the size of one row, in bytes."""
        return self._packed.itemsize

    def stored_bytes(self) -> int:
        """Return the size of one dumped row, in bytes."""
        return self.seal.size + self.row_bytes()

    def nbytes(self) -> int:
        """Return the size of all rows, used or not, in bytes."""
        return self.row_bytes() * self.capacity

    @cached_property
    def seal(self) -> Seal:
        """The seal of dumped rows; to be read when all columns have been added."""
        return LayoutChecksum(
            ",".join(f"{name}:{new.dtype.str}{list(new.shape)}" for name, new in self._new.items())
        )

    @cached_property
    def _packed(self) -> np.dtype[np.void]:
        """The layout of a dumped row. Cached, because a restore loads tens of thousands of rows."""
        return np.dtype([(name, new.dtype, new.shape) for name, new in self._new.items()])


class JoinedColumns:
    """Several `Columns` with the same rows as one; a dump holds their dumps one after the other."""

    def __init__(self, *columns: Columns) -> None:
        self._columns = columns

    def grow(self, capacity: int) -> None:
        """Extend to `capacity` rows; existing rows keep their state."""
        for columns in self._columns:
            columns.grow(capacity)

    def reset(self, rows: Rows) -> None:
        """Make these rows new."""
        for columns in self._columns:
            columns.reset(rows)

    def dump(self, row: int) -> bytes:
        """Return the exact state of one row."""
        return b"".join(columns.dump(row) for columns in self._columns)

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state into a row.

        Raises
        ------
        ValueError
            If the bytes are not a whole state of these columns; the row is then new.
        """
        begin = 0
        try:
            for columns in self._columns:
                end = begin + columns.stored_bytes()
                columns.load(row, state[begin:end])
                begin = end
            if begin != len(state):
                raise ValueError(f"{len(state)} bytes, where {begin} are expected")
        except ValueError:
            self.reset(np.array([row]))
            raise

    def nbytes(self) -> int:
        """Return the size of all rows, used or not, in bytes."""
        return sum(columns.nbytes() for columns in self._columns)


def _repeated(row: NDArray[Any], count: int) -> NDArray[Any]:
    rows = np.zeros((count, *row.shape), row.dtype)
    if any(row.tobytes()):
        rows[:] = row
    return rows


def _little_endian(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a type in the byte order of stored numbers; the type itself where this is the machine's order.

    A type that names the machine's own order explicitly would slow small operations by half.
    """
    little = dtype.newbyteorder("<")
    return dtype if dtype == little else little
