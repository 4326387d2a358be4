"""Detectors of changed levels: of memory, and of the errors of its forecasts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from processors.columns import Flags, Floats, Rows
from processors.methods.base import Detector
from processors.models.adwin import ADWIN
from processors.models.page_hinkley import PageHinkley

_ADWIN_DELTA = 0.0005
# The level must move by about a tenth of the limit for a while. River's default never flags shares.
_LEVEL_THRESHOLD = 0.5
# Forecasts must be worse by a hundredth of the limit for twenty records.
_ERROR_THRESHOLD = 0.2


class AdwinDetector(Detector):
    """Finds changes of the mean of memory, by ADWIN."""

    NAME: ClassVar[str] = "adwin"
    PART: ClassVar[str] = "adwin"
    MODEL = ADWIN

    model: ADWIN

    def __init__(self, capacity: int) -> None:
        self.model = ADWIN(capacity, delta=_ADWIN_DELTA)

    def detect(self, rows: Rows, memory: Floats, error: Floats | None, fresh: Flags) -> Flags:
        return self.model.score_learn(rows, memory[:, None], fresh=fresh) > 0


class PageHinkleyDetector(Detector):
    """Finds changes of the mean of memory, by the Page-Hinkley test."""

    NAME: ClassVar[str] = "page_hinkley"
    PART: ClassVar[str] = "page_hinkley"
    MODEL = PageHinkley

    model: PageHinkley

    def __init__(self, capacity: int) -> None:
        self.model = PageHinkley(capacity, threshold=_LEVEL_THRESHOLD)

    def detect(self, rows: Rows, memory: Floats, error: Floats | None, fresh: Flags) -> Flags:
        return self.model.score_learn(rows, memory[:, None], fresh=fresh) > 0


class ResidualDetector(Detector):
    """Finds changes of the mean one-step error, by the Page-Hinkley test."""

    NAME: ClassVar[str] = "page_hinkley_residual"
    PART: ClassVar[str] = "page_hinkley_residual"
    MODEL = PageHinkley

    model: PageHinkley

    def __init__(self, capacity: int) -> None:
        self.model = PageHinkley(capacity, threshold=_ERROR_THRESHOLD)

    def detect(self, rows: Rows, memory: Floats, error: Floats | None, fresh: Flags) -> Flags:
        if error is None:
            self.model.reset(rows[fresh])
            return np.zeros(len(rows), dtype=np.bool_)
        return self.model.score_learn(rows, error[:, None], fresh=fresh) > 0
