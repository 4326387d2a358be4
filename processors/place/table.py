"""Rows that a set of parts shares: taken, given back, reused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from fleetleak.observe import metrics
from processors.columns import Columns, Rows

FIRST_ROWS = 256
"""Number of rows of every part at first."""
# Python objects of a service or an instance: names, dict entries, the struct.
_OVERHEAD_BYTES = 600


class Part(Protocol):
    """Anything that keeps one row of state per service or per instance; new rows are all equal."""

    def dump_many(self, rows: Rows) -> list[bytes]: ...

    def load_many(self, rows: Rows, states: Sequence[bytes]) -> int: ...

    def dump(self, row: int) -> bytes: ...

    def load(self, row: int, state: bytes) -> None: ...

    def reset(self, rows: Rows) -> None: ...

    def grow(self, capacity: int) -> None: ...

    def nbytes(self) -> int: ...


class Table:
    """The rows of a set of parts: row `r` of every part belongs to the same service or instance.

    Parameters
    ----------
    parts
        By their names in stored state.
    own
        Columns that have the same rows, and another form in stored state (stored.py).
    """

    def __init__(self, parts: Mapping[str, Part], own: Columns) -> None:
        self.parts = dict(parts)
        self.used = 0
        self._own = own
        self._capacity = FIRST_ROWS
        self._free: list[int] = []
        self.bytes_per_row = self._bytes_per_row()
        """Memory of one row, in bytes."""

    def take(self) -> int:
        """Return a new row."""
        self.used += 1
        if self._free:
            return self._free.pop()
        if self.used > self._capacity:
            self._grow(2 * self._capacity)
        return self.used - 1

    def reserve(self, rows: int) -> None:
        """Grow at once to what so many new rows need, as taking them one by one would do in steps."""
        capacity = self._capacity
        while self.used + rows > capacity:
            capacity *= 2
        if capacity > self._capacity:
            self._grow(capacity)

    def _grow(self, capacity: int) -> None:
        self._capacity = capacity
        for part in (*self.parts.values(), self._own):
            part.grow(capacity)
        self.bytes_per_row = self._bytes_per_row()

    def _bytes_per_row(self) -> float:
        held = sum(part.nbytes() for part in self.parts.values()) + self._own.nbytes()
        return held / self._capacity + _OVERHEAD_BYTES

    def give_back(self, row: int) -> None:
        """Take a row back, and make it new for its next owner."""
        self.reset(row)
        self.used -= 1
        self._free.append(row)

    def reset(self, row: int) -> None:
        """Make a row new."""
        rows = np.array([row], dtype=np.intp)
        for part in (*self.parts.values(), self._own):
            part.reset(rows)

    def dump_many(self, rows: Rows) -> list[dict[str, bytes]]:
        """Return the state of each row, by part."""
        stored: list[dict[str, bytes]] = [{} for _ in range(len(rows))]
        for name, part in self.parts.items():
            for states, state in zip(stored, part.dump_many(rows), strict=True):
                states[name] = state
        return stored

    def load_many(self, rows: Rows, stored: Sequence[Mapping[str, bytes]]) -> None:
        """Put states into new rows. A part that cannot read its own state starts new, and is counted."""
        for name, part in self.parts.items():
            at = [number for number, states in enumerate(stored) if name in states]
            refused = part.load_many(rows[at], [stored[number][name] for number in at])
            if refused:
                # Written at once, as the runtime does in a restore: the replay that follows counts nothing.
                metrics.CHECKPOINTS_REFUSED.labels(f"part-{name}").inc(refused)
