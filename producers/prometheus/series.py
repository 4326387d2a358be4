"""Series on a grid of times: what an answer or a file holds of one metric in one window."""

from __future__ import annotations

import math
from typing import NamedTuple

from msgspec import Struct

# What is silent for so long starts anew.
FORGET_SECONDS = 86_400.0


class Window(NamedTuple):
    """Evenly spaced times: `steps` of them, the first at `begin` (unix seconds), `step` seconds apart."""

    begin: float
    step: float
    steps: int

    @property
    def end(self) -> float:
        """The last of the times."""
        return self.at(self.steps - 1)

    def at(self, number: int) -> float:
        """Return the time of a step."""
        return self.begin + number * self.step

    def number(self, time: float) -> int:
        """Return the step that a time belongs to: the first one not before it."""
        # A time of the grid itself may differ by a rounding error.
        return math.ceil((time - self.begin) / self.step - 1e-6)

    def halves(self) -> tuple[Window, Window]:
        """Return the earlier and the later half."""
        first = self.steps // 2
        return self._replace(steps=first), Window(self.at(first), self.step, self.steps - first)


class Points(Struct, array_like=True):
    """The points of one series in a window: steps, ascending, and the values there."""

    labels: dict[str, str]
    at: list[int]
    values: list[float]
