"""Whether a growth has no room left: it stands at its limit, or is held back below it."""

from __future__ import annotations

from typing import NamedTuple

from fleetleak.records import Score
from fleetleak.text import size

# Shares of the limit: what is left when it counts as reached, and when no longer.
_REACHED, _FREED = 0.02, 0.05
# Of the limit: less than this is page cache that fills the rest, not the growth.
_OWN = 0.8
# Shares of the time spent waiting for memory: from when a growth is held back, and when no longer.
_HELD, _RELEASED = 0.1, 0.05


class NoRoom(NamedTuple):
    """Why a growth cannot go on, in words."""

    words: str


def no_room(score: Score, before: bool) -> NoRoom | None:
    """Say why a growth cannot go on; None where it can. `before`: whether it could not at the last score."""
    if _reached(score, _FREED if before else _REACHED):
        return NoRoom(f"{score.limit_name} of {size(score.limit or 0)} is reached")
    if (stalled := score.stalled or 0.0) >= (_RELEASED if before else _HELD):
        return NoRoom(f"held back: tasks wait for memory {stalled:.0%} of the time, as at memory.high")
    return None


def _reached(score: Score, share: float) -> bool:
    if score.limit is None or score.left is None or score.memory is None:
        return False
    return score.left <= share * score.limit and score.memory >= _OWN * score.limit
