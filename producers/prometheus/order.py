"""Which one wins of two series of one instance, such as those of a container before and after a restart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from producers.prometheus.series import FORGET_SECONDS, Points, Window


class Order:
    """Remembers from window to window when each series began: the one that began later wins."""

    def __init__(self) -> None:
        # By the hash of a series, since its labels are large: when it began, and its last point.
        self._known: dict[int, tuple[float, float]] = {}

    def of(self, metric: str, every: Sequence[Points], window: Window) -> list[Points]:
        """Return the series that have points, in such an order that the last one wins."""
        series = [(hash((metric, frozenset(one.labels.items()))), one) for one in every if one.at]
        for key, one in series:
            began, seen = self._known.get(key, (math.inf, -math.inf))
            first, last = window.at(one.at[0]), window.at(one.at[-1])
            self._known[key] = min(began, first), max(seen, last)
        # One series may come in parts, for one half of a window each.
        ordered = sorted(
            series, key=lambda pair: (self._known[pair[0]][0], sorted(pair[1].labels.items()), pair[1].at[0])
        )
        return [one for _, one in ordered]

    def forget(self, now: float) -> None:
        """Forget what has been silent for a day, so that what is remembered stays bounded."""
        self._known = {key: known for key, known in self._known.items() if now - known[1] <= FORGET_SECONDS}
