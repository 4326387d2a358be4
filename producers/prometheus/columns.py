"""The values of one field of one instance, step by step.

They begin where the instance begins: a large fleet has many pods that live for minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

from producers.prometheus.series import Points


class Column:
    """Values of the steps from `first` on; None where there is none."""

    __slots__ = ("first", "values")

    def __init__(self, first: int, steps: int) -> None:
        self.first = first
        self.values: list[float | None] = [None] * steps

    @classmethod
    def over(cls, every: Sequence[Points]) -> Column:
        """Return an empty column that spans some series, each with points."""
        first = min(one.at[0] for one in every)
        return cls(first, max(one.at[-1] for one in every) - first + 1)

    def at(self, number: int) -> float | None:
        """Return the value at a step."""
        place = number - self.first
        return self.values[place] if 0 <= place < len(self.values) else None

    def fill(self, points: Points) -> int:
        """Take the points of a series; return how many of them took the place of others."""
        values, first, repeated = self.values, self.first, 0
        for number, value in zip(points.at, points.values, strict=True):
            repeated += values[number - first] is not None
            values[number - first] = value
        return repeated

    def completed(self, other: Column) -> Column:
        """Return a column that has the values of another one where this one has none."""
        first = min(self.first, other.first)
        end = max(one.first + len(one.values) for one in (self, other))
        whole = Column(first, end - first)
        for place in range(len(whole.values)):
            own = self.at(first + place)
            whole.values[place] = other.at(first + place) if own is None else own
        return whole
