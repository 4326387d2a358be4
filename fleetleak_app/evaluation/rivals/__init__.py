"""Rivals, re-implemented from their published definitions: each is one file, and one line here."""

from __future__ import annotations

from fleetleak_app.evaluation.rivals.base import DAY, HOUR, MINUTE, Rival
from fleetleak_app.evaluation.rivals.coroot import Coroot
from fleetleak_app.evaluation.rivals.mann_kendall import MannKendall
from fleetleak_app.evaluation.rivals.naive_river import NaiveRiver
from fleetleak_app.evaluation.rivals.precog import Precog
from fleetleak_app.evaluation.rivals.predict_linear import PredictLinear
from fleetleak_app.evaluation.rivals.static_threshold import StaticThreshold

RIVALS: tuple[Rival, ...] = (
    StaticThreshold("static > 80 % for 15 min", 0.8),
    StaticThreshold("static > 70 % for 15 min", 0.7),
    PredictLinear("predict_linear 6 h -> 4 d and > 70 %", 6 * HOUR, 4 * DAY, min_share=0.7, hold=HOUR),
    PredictLinear("predict_linear 1 h -> 4 h", HOUR, 4 * HOUR, hold=5 * MINUTE),
    Coroot("Coroot's rule"),
    Coroot("Coroot's rule, window of 60 samples", samples=60),
    Precog("Precog online"),
    MannKendall("Mann-Kendall + Theil-Sen 24 h"),
    NaiveRiver("naive River, either", "either"),
    NaiveRiver("naive River, both", "both"),
)
"""Every rival, in the order of the table."""

__all__ = ["RIVALS", "Rival"]
