"""The growth of one instance as a label finds it, and until when the label covers it."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records import Score

# What was labelled may take this share of the room it left before it is news again.
_ROOM_COVERED = 0.5
# A growth so many times as fast as the labelled one is another one.
_FASTER = 2.0


class Growth(Struct, frozen=True, array_like=True, gc=False):
    """What a score says of a growth: bytes, and bytes per second.

    `rise` counts from the onset; `level` is where the memory's lower edge stands; `left` can still be had.
    """

    level: float
    rise: float
    rate: float
    left: float


class Covered(Struct, frozen=True, array_like=True, gc=False):
    """A growth that people called no leak: up to a level, bytes, and a rate, bytes per second."""

    level: float
    rate: float

    def holds(self, score: Score) -> bool:
        """Whether what a score sees is still the growth that was labelled."""
        trend = score.trend
        return trend is None or (trend.level <= self.level and trend.growth_low <= self.rate)


def growth_of(score: Score) -> Growth | None:
    """Give the growth that a score tells of; None where nothing grows."""
    trend = score.trend
    if trend is None:
        return None
    since = 0.0 if score.onset is None else trend.growth * (score.time - score.onset)
    return Growth(trend.level, max(trend.rise, since), trend.growth_high, score.left or 0)


def cover(growth: Growth) -> Covered:
    """Give what a label `not-a-leak` covers: as much again as it has grown, or half of the room it leaves."""
    more = max(growth.rise, _ROOM_COVERED * growth.left)
    return Covered(growth.level + more, _FASTER * growth.rate)
