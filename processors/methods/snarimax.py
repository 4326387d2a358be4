"""Forecasts of memory by SNARIMAX."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from processors.columns import Floats, Rows
from processors.methods.base import AHEAD, Forecaster
from processors.models.snarimax import SNARIMAX


class SnarimaxForecaster(Forecaster):
    """Finds surprising steps, and forecasts a growth. One-step errors do not show a steady leak."""

    NAME: ClassVar[str] = "snarimax"
    PART: ClassVar[str] = "snarimax"
    MODEL = SNARIMAX

    model: SNARIMAX

    def __init__(self, capacity: int) -> None:
        self.model = SNARIMAX(capacity, p=3, d=1, q=2)

    def follow(self, rows: Rows, memory: Floats) -> Floats:
        seen = self.model.seen(rows)
        forecast = self.model.score_learn(rows, memory[:, None])
        return np.where(seen, memory - forecast, 0.0)

    def ahead(self, rows: Rows) -> Floats:
        return self.model.forecast(rows, AHEAD)[:, -1]
