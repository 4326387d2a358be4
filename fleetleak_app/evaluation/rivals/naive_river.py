"""River's anomaly detectors, combined as its documentation shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, Floats
from fleetleak_app.evaluation.rivals.base import Flags, transitions


@dataclass(slots=True)
class NaiveRiver:
    """Half-space trees over min-max scaled use above `threshold`, and/or SNARIMAX's error beyond 3 sigma.

    Both models get the fraction in use, one sample at a time, with River's defaults. `vote` is `either` if
    one of them is enough, else `both`.

    Do not use it for leaks: steady growth is at the top of the learned range and is perfectly predictable.
    So both models take it for normal; they report any change.
    """

    NAME: str
    vote: Literal["either", "both"]
    threshold: float = 0.7

    def alerts(self, case: Case) -> list[Alert]:
        trees, surprises = _scores(case)
        unusual = trees > self.threshold
        firing = unusual | surprises if self.vote == "either" else unusual & surprises
        return transitions(case.series, case.times, firing)


@lru_cache(maxsize=1)  # both votes look at the same scores, case by case
def _scores(case: Case) -> tuple[Floats, Flags]:
    # Loading these takes two seconds, and not all who use other rivals want them.
    from river import anomaly, preprocessing, time_series

    scaler: Any = preprocessing.MinMaxScaler()
    trees: Any = anomaly.HalfSpaceTrees(seed=1)
    model = time_series.SNARIMAX(p=3, d=1, q=2)
    predictive = anomaly.PredictiveAnomalyDetection(model, horizon=1, n_std=3.0, warmup_period=30)
    scores, surprises = np.zeros(len(case.times)), np.zeros(len(case.times), dtype=bool)
    for i, value in enumerate(case.fraction.tolist()):
        scaler.learn_one({"used": value})
        scaled = scaler.transform_one({"used": value})
        scores[i] = trees.score_one(scaled)
        trees.learn_one(scaled)
        surprises[i] = predictive.score_one({}, value) >= 1.0
        predictive.learn_one({}, value)
    return scores, surprises
