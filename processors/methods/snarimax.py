"""Forecasts of memory by SNARIMAX."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from processors.columns import Flags, Floats, Rows
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

    def follow_ahead(self, rows: Rows, memory: Floats, fresh: Flags, asked: Flags) -> tuple[Floats, Floats]:
        model = self.model
        before, after = model.empty_states(len(rows)), model.empty_states(len(rows)) if asked.any() else None
        forecast = model.score_learn(rows, memory[:, None], fresh=fresh, before=before, after=after)
        ahead = np.full(len(rows), np.nan)
        if after is not None:
            ahead[asked] = model.forecast_from(after[asked], AHEAD)[:, -1]
        return np.where(model.seen(before), memory - forecast, 0.0), ahead
