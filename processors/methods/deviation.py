"""The distance of memory from its faded mean, and that mean itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from processors.columns import Flags, Floats, Rows
from processors.methods.base import Follower
from processors.models.ew_stats import EWStats

_FADING = 0.05


class Deviation(Follower):
    """Returns the distance from an exponentially weighted mean, in standard deviations.

    It runs even where the settings do not ask for its opinion: the mean is needed for a feature, and for the
    level before a drift.
    """

    NAME: ClassVar[str] = "deviation"
    PART: ClassVar[str] = "level"
    ALWAYS: ClassVar[bool] = True
    MODEL = EWStats

    model: EWStats

    def __init__(self, capacity: int) -> None:
        self.model = EWStats(capacity, fading_factor=_FADING)

    def follow(self, rows: Rows, memory: Floats, fresh: Flags) -> Floats:
        return self.follow_level(rows, memory, fresh)[0]

    def follow_level(self, rows: Rows, memory: Floats, fresh: Flags) -> tuple[Floats, Floats]:
        """Return what `follow` returns, and the mean before each record; `memory` where the row is new."""
        before = self.model.empty_states(len(rows))
        distance = self.model.score_learn(rows, memory[:, None], fresh=fresh, before=before)[:, 0]
        return distance, np.where(self.model.seen(before), self.model.mean_of(before)[:, 0], memory)
