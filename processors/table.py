"""Rows of a set of parts: taken, given back, reused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from fleetleak.observe import metrics
from processors.columns import Rows

FIRST_ROWS = 256
"""Rows that every part holds at first."""
# Python's own objects of a service or instance: names, dict entries, the struct.
_OVERHEAD_BYTES = 600


class Part(Protocol):
    """Anything that keeps one row of state per service or instance."""

    def dump(self, row: int) -> bytes: ...

    def load(self, row: int, state: bytes) -> None: ...

    def reset(self, rows: Rows) -> None: ...

    def grow(self, capacity: int) -> None: ...

    def nbytes(self) -> int: ...


class Table:
    """Rows of a set of parts: taken, given back, reused."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = dict(parts)
        self.used = 0
        self._capacity = FIRST_ROWS
        self._free: list[int] = []

    @property
    def bytes_per_row(self) -> float:
        """Memory one row takes."""
        return sum(p.nbytes() for p in self.parts.values()) / self._capacity + _OVERHEAD_BYTES

    @property
    def bytes_in_use(self) -> float:
        """Memory of the rows taken."""
        return self.used * self.bytes_per_row

    def take(self) -> int:
        """Give a new row."""
        self.used += 1
        if self._free:
            return self._free.pop()
        if self.used > self._capacity:
            self._capacity *= 2
            for part in self.parts.values():
                part.grow(self._capacity)
        return self.used - 1

    def give_back(self, row: int) -> None:
        """Take a row back; the next to have it finds it new."""
        self.reset(row)
        self.used -= 1
        self._free.append(row)

    def reset(self, row: int) -> None:
        """Make a row new."""
        rows = np.array([row], dtype=np.intp)
        for part in self.parts.values():
            part.reset(rows)

    def dump(self, row: int) -> dict[str, bytes]:
        """Give the state of a row, by part."""
        return {name: part.dump(row) for name, part in self.parts.items()}

    def load(self, row: int, stored: Mapping[str, bytes]) -> None:
        """Put a state into a row; a part that cannot read its own starts new, counted by its name."""
        for name, part in self.parts.items():
            try:
                if name in stored:
                    part.load(row, stored[name])
            except ValueError:
                # Not a count of the batch: it goes with the restore, like what the runtime refuses there.
                metrics.CHECKPOINTS_REFUSED.labels(f"part-{name}").inc()
