"""When one record is tried again, and when it is given up."""

from __future__ import annotations

import random

from fleetleak.stream.target import Never, TryAgain

_LEAST_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 300.0


class Retry:
    """The pauses between the attempts for one record. All times are in monotonic seconds.

    Parameters
    ----------
    chance
        Spreads the pauses, so that many lanes do not call a target at the same time.
    give_up_seconds
        How long after its first attempt a record is given up.
    """

    def __init__(self, chance: random.Random, give_up_seconds: float) -> None:
        self._chance = chance
        self._give_up_seconds = give_up_seconds
        self._pauses = 0
        self._not_before = 0.0
        self._began: float | None = None

    def due(self, now: float) -> bool:
        """Return whether the next attempt may begin."""
        return now >= self._not_before

    def begin(self, now: float) -> None:
        """Note that an attempt begins."""
        if self._began is None:
            self._began = now

    @property
    def again(self) -> bool:
        """Whether the record was tried before."""
        return self._began is not None

    def after(self, answer: TryAgain, now: float) -> TryAgain | Never:
        """Return the answer with the pause that is kept; `Never` if it is time to give up."""
        give_up = (now if self._began is None else self._began) + self._give_up_seconds
        if now >= give_up:
            return Never("gave-up", answer.why, "gave-up")
        # A target that asks for no pause at all would be called without end.
        asked = self._pause() if answer.after_seconds is None else max(answer.after_seconds, _LEAST_SECONDS)
        # One last attempt is made when it is time to give up.
        self._not_before = min(now + asked, give_up)
        return answer._replace(after_seconds=self._not_before - now)

    def _pause(self) -> float:
        longest = min(_FIRST_PAUSE_SECONDS * 2.0**self._pauses, _LONGEST_PAUSE_SECONDS)
        self._pauses = min(self._pauses + 1, 16)
        return longest * self._chance.uniform(0.5, 1.0)

    def replaced(self) -> None:
        """Note that another record takes the place of this one. The pause goes on: the target is the same."""
        self._began = None

    def reset(self) -> None:
        """Note that the record is done with, and so the target works."""
        self._pauses, self._not_before, self._began = 0, 0.0, None
