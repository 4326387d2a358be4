"""Any anomaly detector of River behind the protocol of a fleet: one object per row, at River's price."""

from __future__ import annotations

import copy
import math
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from river import base

from processors.models.codec import CorruptState
from processors.models.object_model import ObjectModel
from processors.models.river import state, state_reader


class RiverModel(ObjectModel):
    """A River `AnomalyDetector`, or a pipeline that ends in one.

    A record becomes `{"f0": ..., "f1": ...}`; for a supervised detector, the last column is the target. The
    score is `score_one`, called before `learn_one`.

    Do not use it for a whole fleet: River's HalfSpaceTrees(10, 8) takes 1.2 MB per row and about 60 us per
    record, and its stored state 100 KB. A model may hold numbers, containers and River's classes. Anything
    else (such as your own functions) is refused at construction, because only pickle could store it.

    Parameters
    ----------
    capacity
        Number of rows.
    model
        Prototype; every row starts as a clone of it.
    features
        Number of columns of `x`.
    object_bytes
        Size of one object as the memory budget counts it.

    Raises
    ------
    TypeError
        If the model's state cannot be stored.

    Examples
    --------
    >>> from river import anomaly
    >>> model = RiverModel(1, model=anomaly.HalfSpaceTrees(n_trees=3, height=3, window_size=2, seed=1))
    >>> model.score_learn(np.zeros(4, dtype=np.intp), np.array([[0.5], [0.5], [0.5], [0.1]])).round(2)
    array([0.  , 0.  , 0.  , 0.58])
    """

    NAME: ClassVar[str] = "river"
    SCORE_RANGE: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    OBJECT_STATE: ClassVar[bool] = True

    def __init__(
        self, capacity: int, *, model: base.Base, features: int = 1, object_bytes: int = 1_300_000
    ) -> None:
        self._prototype: Any = model.clone()
        last = list(model.steps.values())[-1] if hasattr(model, "steps") else model
        self._supervised = isinstance(last, base.SupervisedAnomalyDetector)
        state.encode(self._prototype)
        super().__init__(capacity, features, object_bytes)

    @cached_property
    def fingerprint(self) -> str:
        shown = " ".join(repr(self._prototype).split())
        return f"{self.NAME}/{self.VERSION} features={self.features} {shown}"

    def _new(self) -> Any:
        return self._prototype.clone()

    def _copy(self, model: Any) -> Any:
        return copy.deepcopy(model)

    def _observe(self, model: Any, record: list[float], learn: bool) -> float:
        """Return the score, and learn; NaN where the object fails.

        An object fails if its stored state was forged, or if it has a bug. Its service then loses this
        method, but the processor goes on. Panics of compiled parts are BaseException.
        """
        try:
            return self._ask(model, record, learn)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            self.refused += 1
            return math.nan

    def _ask(self, model: Any, record: list[float], learn: bool) -> float:
        features = {f"f{i}": value for i, value in enumerate(record)}
        if self._supervised:
            return self._observe_target(model, features, features.popitem()[1], learn)
        score = float(model.score_one(features))
        if learn:
            model.learn_one(features)
        return score

    @staticmethod
    def _observe_target(model: Any, features: dict[str, float], target: float, learn: bool) -> float:
        score = float(model.score_one(features, target))
        if learn:
            model.learn_one(features, target)
        return score

    def _encode(self, model: Any) -> bytes:
        return state.encode(model)

    def _decode(self, payload: bytes) -> Any:
        model = state_reader.decode(payload)
        if type(model) is not type(self._prototype):
            raise CorruptState(f"the state holds a {type(model).__name__}")
        return model

    def continue_from(self, row: int, model: Any) -> None:
        """Continue a row from a copy of a River object.

        Raises
        ------
        ValueError
            If it is not of the prototype's class.
        """
        if type(model) is not type(self._prototype):
            raise ValueError(f"the River model is a {type(model).__name__}")
        super().continue_from(row, model)
