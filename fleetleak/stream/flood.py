"""Flood: most of a partition's newest records are unreadable, so it pauses and says so."""

from __future__ import annotations

from collections import deque


class FloodGate:
    """Notices when a share `ratio` of the newest records, and at least `least` of them, are unreadable.

    A few bad records are dead letters; a flood means that the reader is too old or the writer broken, and
    draining the topic into the dead letter would only move the problem.

    Examples
    --------
    >>> gate = FloodGate(least=2, ratio=0.5)
    >>> [gate.flooded([bad]) for bad in (False, True, False, True, True)]
    [False, False, False, True, True]
    """

    def __init__(self, least: int, ratio: float) -> None:
        self._least = least
        self._newest: deque[bool] = deque(maxlen=max(least, int(least / ratio)))
        self._bad = 0

    @property
    def clean(self) -> bool:
        """Whether none of the newest records was unreadable."""
        return self._bad == 0

    def flooded(self, bad: list[bool]) -> bool:
        """Note records, True for each unreadable one; return whether it is a flood now."""
        for one in bad:
            if len(self._newest) == self._newest.maxlen:
                self._bad -= self._newest[0]
            self._newest.append(one)
            self._bad += one
        return self._bad >= self._least


def message(topic: str, partition: int, offset: int, *, foreign: bool = False) -> str:
    """Return what is paused and what to do; `foreign` if the topic belongs to others."""
    what = f"partition {partition} of {topic} is paused at offset {offset}: most of its newest records are"
    if foreign:
        return (
            f"{what} unreadable (the log and the dead letters say why). Does the topic hold what this bridge"
            " reads? Correct --topic or --format, or the writer, then restart it"
        )
    return (
        f"{what} unreadable (see the dead-letter topic). Repair the writer or upgrade this role, then restart"
        " it"
    )
