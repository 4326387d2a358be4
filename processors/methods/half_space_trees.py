"""Half-space trees: how odd a point is for its service."""

from __future__ import annotations

from typing import ClassVar

from processors.columns import Flags, Floats, Rows
from processors.methods.base import PointScorer
from processors.methods.features import FEATURES
from processors.models.half_space_trees import HalfSpaceTrees


class HalfSpaceTreesScorer(PointScorer):
    """Returns the odds of the score. The score ends at 1, where calibration could not resolve it."""

    NAME: ClassVar[str] = "half_space_trees"
    PART: ClassVar[str] = "half_space_trees"
    MODEL = HalfSpaceTrees

    def __init__(self, capacity: int) -> None:
        self.model = HalfSpaceTrees(capacity, features=FEATURES, seed=1)

    def score(self, services: Rows, features: Floats, learn: Flags) -> Floats:
        score = self.model.score_learn(services, features, learn)
        odds: Floats = score / (1.0 + 1e-6 - score)
        return odds
