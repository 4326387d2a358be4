"""A table as it stands in a file, before anything is known of its columns."""

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
        As the user named it.
    rows
        The number of each row for people: 1 is the first below the header, blank lines do not count.
    moments
        Positions of the columns that are unix seconds by their type.
    units
        What the numbers of a column are in, by its position, where its name does not tell.
    """

    file: str
    names: list[str]
    columns: list[Sequence[Any]]
    rows: Sequence[int]
    moments: frozenset[int] = frozenset()
    units: Mapping[int, Unit] = field(default_factory=dict)

    def place(self, at: int, column: str) -> str:
        """Say where a value stands."""
        return f"{self.file} row {self.rows[at]}, column {column}"
