"""The growth of one instance when it is labelled, and how far the label covers it."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records import Score

# A label covers a growth until it has taken this share of the bytes that were left at the time of the label.
_COVERED_SHARE = 0.5
# A growth that is so many times as fast as the labelled one is a new growth.
_FASTER = 2.0


class Growth(Struct, frozen=True, array_like=True, gc=False):
    """What a score says of a growth.

    `level` is the lower edge of the memory, `rise` what it gained since the onset, `left` what is left below
    the limit: all in bytes. `rate` is in bytes per second.
    """

    level: float
    rise: float
    rate: float
    left: float
    kind: str


class Covered(Struct, frozen=True, array_like=True, gc=False):
    """A growth that a label called no leak: up to a level (bytes) and a rate (bytes per second)."""

    level: float
    rate: float

    def holds(self, score: Score) -> bool:
        """Return whether the growth in a score is still the one that was labelled."""
        trend = score.trend
        return trend is None or (trend.level <= self.level and trend.growth_low <= self.rate)


def gained(score: Score) -> float:
    """Return what a growth gained as far as it explains the movement, in bytes; 0 where nothing grows."""
    return 0.0 if score.trend is None else score.trend.rise * score.trend.strength


def usual(score: Score, labelled: float) -> float:
    """Return what a growth must gain to be unusual, in bytes; `labelled`: what labels called usual."""
    return labelled if score.trend is None else max(score.trend.normal_rise, labelled)


def growth_of(score: Score) -> Growth | None:
    """Return the growth in a score; None where nothing grows."""
    trend = score.trend
    if trend is None:
        return None
    since = 0.0 if score.onset is None else trend.growth * (score.time - score.onset)
    return Growth(trend.level, max(trend.rise, since), trend.growth_high, score.left or 0, score.kind)


def cover(growth: Growth) -> Covered:
    """Return what a label `not-a-leak` covers: as much growth again, or half of what is left (the larger)."""
    more = max(growth.rise, _COVERED_SHARE * growth.left)
    return Covered(growth.level + more, _FASTER * growth.rate)
