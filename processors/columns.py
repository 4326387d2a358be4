"""Columns: named arrays with one row per key, which are grown, reset, dumped and loaded together."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import DTypeLike, NDArray

from processors.seals import Bytes, Seal

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Flags = NDArray[np.bool_]


class StoredRows(ABC):
    """Rows that are dumped and loaded, many at once."""

    @abstractmethod
    def dump_many(self, rows: Rows) -> list[bytes]:
        """Return the exact state of each row."""

    @abstractmethod
    def load_each(self, rows: Rows, states: Sequence[bytes]) -> dict[int, ValueError]:
        """Put dumped states into rows, of which none repeats.

        Returns
        -------
        Why a state was refused, by its place in `states`. Its row is then new.
        """

    def load_many(self, rows: Rows, states: Sequence[bytes]) -> int:
        """Put dumped states into rows, of which none repeats; return how many were refused.

        The row of a state that is refused is new.
        """
        return len(self.load_each(rows, states))

    def dump(self, row: int) -> bytes:
        """Return the exact state of one row."""
        return self.dump_many(np.array([row], np.intp))[0]

    def load(self, row: int, state: bytes) -> None:
        """Put a dumped state into a row.

        Raises
        ------
        ValueError
            If the bytes are not a whole state; the row is then new.
        """
        for refusal in self.load_each(np.array([row], np.intp), [state]).values():
            raise refusal


class PackedRows(StoredRows):
    """Rows whose states all have the same size: they are dumped and loaded as one array of bytes."""

    @abstractmethod
    def stored_bytes(self) -> int:
        """Return the size of one dumped row, in bytes."""

    @abstractmethod
    def pack(self, rows: Rows, states: Bytes) -> None:
        """Write the state of each row into `states`, shape `(rows, stored_bytes)`."""

    @abstractmethod
    def whole(self, states: Bytes) -> Flags:
        """Return which of these bytes, shape `(rows, stored_bytes)`, are whole states."""

    @abstractmethod
    def unpack(self, rows: Rows, states: Bytes) -> None:
        """Put whole states, shape `(rows, stored_bytes)`, into rows, of which none repeats."""

    @abstractmethod
    def refusal(self, state: bytes) -> ValueError:
        """Return why bytes are not a whole state."""

    @abstractmethod
    def reset(self, rows: Rows) -> None:
        """Make these rows new."""

    def dump_many(self, rows: Rows) -> list[bytes]:
        size = self.stored_bytes()
        states = np.empty((len(rows), size), np.uint8)
        self.pack(rows, states)
        joined = states.tobytes()
        return [joined[at : at + size] for at in range(0, len(joined), size)]

    def load_each(self, rows: Rows, states: Sequence[bytes]) -> dict[int, ValueError]:
        size = self.stored_bytes()
        good = np.array([len(state) == size for state in states], np.bool_)
        joined = b"".join(itertools.compress(states, good))
        packed = np.frombuffer(joined, np.uint8).reshape(-1, size)
        good[good] = whole = self.whole(packed)
        self.unpack(rows[good], packed[whole])
        if good.all():
            return {}
        self.reset(rows[~good])
        return {at: self.refusal(states[at]) for at in np.flatnonzero(~good).tolist()}


class Columns(PackedRows):
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

    def pack(self, rows: Rows, states: Bytes) -> None:
        """Write the state of each row, with its seal, into `states`, shape `(rows, stored_bytes)`."""
        packed = self.body(states)
        for name in self._new:
            packed[name] = self._plain(name).take(rows, axis=0)
        self.seal.close(states)

    def whole(self, states: Bytes) -> Flags:
        """Return which of these bytes, shape `(rows, stored_bytes)`, are whole states of these columns."""
        return self.seal.fits(states)

    def unpack(self, rows: Rows, states: Bytes) -> None:
        """Put whole states, shape `(rows, stored_bytes)`, into rows, of which none repeats."""
        packed = self.body(states)
        for name in self._new:
            self._plain(name)[rows] = packed[name]

    def refusal(self, state: bytes) -> ValueError:
        """Return why bytes are not a whole state of these columns."""
        return _not_of_this_layout(state)

    def body(self, states: Bytes) -> NDArray[np.void]:
        """Return sealed states as rows of named numbers."""
        body: NDArray[np.void] = states[:, self.seal.size :].view(self._packed)[:, 0]
        return body

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
        """The seal of dumped rows: their checksum begins with that of the layout."""
        layout = ",".join(f"{name}:{new.dtype.str}{list(new.shape)}" for name, new in self._new.items())
        return Seal(b"", b"", crc32(layout.encode()))

    @cached_property
    def _packed(self) -> np.dtype[np.void]:
        """The layout of a dumped row."""
        return np.dtype([(name, new.dtype.str, new.shape) for name, new in self._new.items()])

    def _plain(self, name: str) -> NDArray[Any]:
        """Return a column; one of records as their bytes, which are copied ten times as fast."""
        column: NDArray[Any] = getattr(self, name)
        return column if column.dtype.names is None else column.view(column.dtype.str)


class JoinedColumns(PackedRows):
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

    def stored_bytes(self) -> int:
        """Return the size of one dumped row, in bytes."""
        return sum(columns.stored_bytes() for columns in self._columns)

    def pack(self, rows: Rows, states: Bytes) -> None:
        """Write the state of each row into `states`, shape `(rows, stored_bytes)`."""
        for columns, section in self._sections(states):
            columns.pack(rows, section)

    def whole(self, states: Bytes) -> Flags:
        """Return which of these bytes, shape `(rows, stored_bytes)`, are whole states of these columns."""
        whole = np.ones(len(states), np.bool_)
        for columns, section in self._sections(states):
            whole &= columns.whole(section)
        return whole

    def unpack(self, rows: Rows, states: Bytes) -> None:
        """Put whole states, shape `(rows, stored_bytes)`, into rows, of which none repeats."""
        for columns, section in self._sections(states):
            columns.unpack(rows, section)

    def refusal(self, state: bytes) -> ValueError:
        """Return why bytes are not a whole state of these columns."""
        return _not_of_this_layout(state)

    def _sections(self, states: Bytes) -> Iterator[tuple[Columns, Bytes]]:
        """Yield the columns, each with its part of the states."""
        begin = 0
        for columns in self._columns:
            end = begin + columns.stored_bytes()
            yield columns, states[:, begin:end]
            begin = end

    def nbytes(self) -> int:
        """Return the size of all rows, used or not, in bytes."""
        return sum(columns.nbytes() for columns in self._columns)


def _not_of_this_layout(state: bytes) -> ValueError:
    return ValueError(f"{len(state)} bytes are not a state of this layout")


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
