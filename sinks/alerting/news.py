"""What is worth telling of an alert that stands: a limit that moved, no room left, less time than told."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records import Score
from fleetleak.records.alert import URGENCIES, Urgency
from fleetleak.text import DAY, HOUR, duration, size

# Share by which a limit must move to be news.
_MOVED = 0.05
# So shortly before the end a forecast is no news any more.
_LAST_SECONDS = 600.0
# Two limits that take turns to be the nearest are told no more often.
_TURNS_SECONDS = 1800.0
# Shares of the limit: what is left when it counts as reached, and when no longer.
_REACHED, _FREED = 0.02, 0.05
# Of the limit: where less than this is the growth's own, page cache fills the rest.
_OWN = 0.8
# Shares of the time spent waiting for memory: from when a growth is held back, and when no longer.
_HELD, _RELEASED = 0.1, 0.05
# What the host has left changes all the time; only a limit that somebody set can be moved.
_NOBODY_SETS = "host_available"


class Told(Struct, frozen=True, array_like=True, gc=False):
    """What people were told last: when, the forecast then (unix seconds), the limit (bytes), the urgency."""

    time: float
    eta: float | None
    limit: int | None
    limit_name: str | None
    urgency: Urgency

    def is_old(self, score: Score) -> bool:
        """Whether the forecast is another one now: half of the time is left, or far more than was told."""
        if URGENCIES.index(urgency(score)) > URGENCIES.index(self.urgency):
            return True
        if score.forecast is None:
            return False
        if self.eta is None:
            return True
        left = max(self.eta - self.time, 0.0)
        halved = left > _LAST_SECONDS and score.forecast.eta - score.time < 0.5 * left
        return halved or score.forecast.eta_low > self.eta


def told_of(score: Score, soon: Urgency) -> Told:
    """Give what a transition with this score tells."""
    eta = score.forecast.eta if score.forecast else None
    return Told(score.time, eta, score.limit, score.limit_name, soon)


def urgency(score: Score) -> Urgency:
    """Say how soon something must be done, by the lower bound of the time left."""
    if score.forecast is None:
        return "later"
    left = score.forecast.eta_low - score.time
    return "now" if left < HOUR else "today" if left < DAY else "later"


def limit_moved(told: Told | None, score: Score) -> str | None:
    """Say that the limit is another one than was told, and how much time is left now."""
    if (
        told is None
        or not told.limit
        or not score.limit
        or _NOBODY_SETS in (told.limit_name, score.limit_name)
    ):
        return None
    if abs(score.limit / told.limit - 1.0) <= _MOVED:
        return None
    if told.limit_name == score.limit_name:
        said = f"limit {'raised' if score.limit > told.limit else 'lowered'} to {size(score.limit)}"
    elif score.time - told.time >= _TURNS_SECONDS:
        said = f"limit is {score.limit_name} of {size(score.limit)}"
    else:
        return None
    left = "" if score.forecast is None else f", now {duration(score.forecast.eta - score.time)} left"
    return f"{said}{left} (it was {size(told.limit)})"


def no_room(score: Score, before: bool) -> str | None:
    """Say why a growth cannot go on; None where it can. `before`: whether it could not at the last score."""
    if _reached(score, _FREED if before else _REACHED):
        return f"{score.limit_name} of {size(score.limit or 0)} is reached"
    if (stalled := score.stalled or 0.0) >= (_RELEASED if before else _HELD):
        return f"held back: tasks wait for memory {stalled:.0%} of the time"
    return None


def _reached(score: Score, share: float) -> bool:
    if score.limit is None or score.left is None or score.memory is None:
        return False
    return score.left <= share * score.limit and score.memory >= _OWN * score.limit
