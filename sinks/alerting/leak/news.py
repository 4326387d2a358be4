"""What is news of a firing alert: the limit moved, the growth is held back, or less time is left."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records import Score
from fleetleak.records.alert import URGENCIES, Urgency, higher
from fleetleak.text import DAY, HOUR, duration, size

# The share of the limit by which it must move to be news.
_MOVED = 0.05
# With less time left than this, half of it gone is no news.
_LAST_SECONDS = 600.0
# Two limits can alternate as the nearest one. A change of the nearest limit is not published more often.
_TURNS_SECONDS = 1800.0
# Shares of the limit: it counts as reached when only the first is left, and as free again above the second.
_REACHED, _FREED = 0.02, 0.05
# Share of the limit: below it the growth itself does not fill the limit, page cache does.
_OWN = 0.8
# Shares of the time in which tasks wait for memory: a growth is held back from the first on, and no longer
# below the second.
_HELD, _RELEASED = 0.1, 0.05
# What the host has left changes all the time. Only a limit that somebody set can be moved.
_NOBODY_SETS = "host_available"


class Reported(Struct, frozen=True, array_like=True, gc=False):
    """The last step of an alert: its time and forecast (unix seconds), limit (bytes) and urgency."""

    time: float
    eta: float | None
    limit: int | None
    limit_name: str | None
    urgency: Urgency

    def is_old(self, score: Score) -> bool:
        """Return whether the forecast of a score differs enough to be published.

        It does when it is more urgent, when it is the first one, when half of the time is gone, and when the
        lower bound is later than the published forecast.
        """
        if higher(URGENCIES, urgency(score), self.urgency):
            return True
        if score.forecast is None:
            return False
        if self.eta is None:
            return True
        left = max(self.eta - self.time, 0.0)
        halved = left > _LAST_SECONDS and score.forecast.eta - score.time < 0.5 * left
        return halved or score.forecast.eta_low > self.eta


def reported_of(score: Score, soon: Urgency) -> Reported:
    """Return what a step with this score reports."""
    eta = score.forecast.eta if score.forecast else None
    return Reported(score.time, eta, score.limit, score.limit_name, soon)


def urgency(score: Score) -> Urgency:
    """Return how soon somebody must act, by the lower bound of the time left."""
    if score.forecast is None:
        return "later"
    left = score.forecast.eta_low - score.time
    return "now" if left < HOUR else "today" if left < DAY else "later"


def limit_moved(before: Reported | None, score: Score) -> str | None:
    """Return that the limit has moved, with the time left now, in words; None where it has not."""
    if (
        before is None
        or not before.limit
        or not score.limit
        or _NOBODY_SETS in (before.limit_name, score.limit_name)
    ):
        return None
    if abs(score.limit / before.limit - 1.0) <= _MOVED:
        return None
    if before.limit_name == score.limit_name:
        words = f"limit {'raised' if score.limit > before.limit else 'lowered'} to {size(score.limit)}"
    elif score.time - before.time >= _TURNS_SECONDS:
        words = f"limit is {score.limit_name} of {size(score.limit)}"
    else:
        return None
    left = "" if score.forecast is None else f", now {duration(score.forecast.eta - score.time)} left"
    return f"{words}{left} (it was {size(before.limit)})"


def held_by(score: Score, before: bool) -> str | None:
    """Return what holds a growth back, in words; None where nothing does.

    `before` says whether it was held back at the previous score.
    """
    if reached(score, before):
        return f"{score.limit_name} of {size(score.limit or 0)} is reached"
    if (stalled := score.stalled or 0.0) >= (_RELEASED if before else _HELD):
        return f"held back: tasks wait for memory {stalled:.0%} of the time"
    return None


def reached(score: Score, before: bool) -> bool:
    """Return whether nothing is left below the limit; `before`: whether it was so at the previous score."""
    share = _FREED if before else _REACHED
    if score.limit is None or score.left is None or score.memory is None:
        return False
    return score.left <= share * score.limit and score.memory >= _OWN * score.limit
