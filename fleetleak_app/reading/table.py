"""A table of a file, before the meaning of its columns is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleetleak_app.reading.units import Unit


@dataclass
class Table:
    """Columns of one length with their names.

    Parameters
    ----------
    file
        Its name, as the user gave it.
    rows
        The number of each row for people: 1 is the first row below the header; blank lines do not count.
    moments
        Positions of the columns that are unix seconds by their type.
    units
        Unit of a column by its position, if its name does not give one.
    """

    file: str
    names: list[str]
    columns: list[Sequence[Any]]
    rows: Sequence[int]
    moments: frozenset[int] = frozenset()
    units: Mapping[int, Unit] = field(default_factory=dict)

    def place(self, at: int, column: str) -> str:
        """Return the place of a value: file, row and column."""
        return f"{self.file} row {self.rows[at]}, column {column}"
