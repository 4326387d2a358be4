"""A River detector of the user's choice: how odd a point is for its service."""

from __future__ import annotations

import ast
from typing import ClassVar, Self

from river import anomaly, base

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import ProcessorSettings
from processors.columns import Flags, Floats, Rows
from processors.methods.base import PointScorer
from processors.methods.features import FEATURES
from processors.models.river import RiverModel
from processors.place.table import FIRST_ROWS


class RiverScorer(PointScorer):
    """Returns the score of the detector that the setting `processor.river_model` describes."""

    NAME: ClassVar[str] = "river"
    PART: ClassVar[str] = "river"
    NAMED: ClassVar[bool] = False
    MODEL = RiverModel

    def __init__(self, capacity: int, detector: base.Base) -> None:
        self.model = RiverModel(capacity, model=detector, features=FEATURES)

    @classmethod
    def asked(cls, settings: ProcessorSettings) -> bool:
        return settings.river_model is not None

    @classmethod
    def make(cls, settings: ProcessorSettings) -> Self | None:
        if settings.river_model is None:
            return None
        try:
            return cls(FIRST_ROWS, _detector(settings.river_model))
        except TypeError as error:
            raise BadSetting(f"setting processor.river_model is {settings.river_model!r}: {error}") from None

    def score(self, services: Rows, features: Floats, learn: Flags) -> Floats:
        return self.model.score_learn(services, features, learn)


def _detector(text: str) -> base.Base:
    """Return the River detector of `Class(name=value)`: names and literals only, nothing is evaluated."""
    try:
        call = ast.parse(text, mode="eval").body
        name, given = (call.func, call.keywords) if isinstance(call, ast.Call) else (call, [])
        if not isinstance(name, ast.Name):
            raise ValueError("not a class")
        made: base.Base = getattr(anomaly, name.id)(**{k.arg or "": ast.literal_eval(k.value) for k in given})
    except (SyntaxError, AttributeError, TypeError, ValueError) as error:
        raise BadSetting(
            f"setting processor.river_model is {text!r} ({error}): give a class of river.anomaly, such as"
            " HalfSpaceTrees(n_trees=25, height=6)"
        ) from None
    return made
