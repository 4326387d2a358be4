"""Models of the whole fleet in columns; every one passes tests/models/test_conformance.py."""

from __future__ import annotations

from processors.models.adwin import ADWIN
from processors.models.base import Model
from processors.models.ew_stats import EWStats
from processors.models.gaussian_scorer import GaussianScorer
from processors.models.half_space_trees import HalfSpaceTrees
from processors.models.min_max_scaler import MinMaxScaler
from processors.models.page_hinkley import PageHinkley
from processors.models.river import RiverModel
from processors.models.snarimax import SNARIMAX
from processors.models.standard_scaler import StandardScaler

MODELS: dict[str, type[Model]] = {
    GaussianScorer.NAME: GaussianScorer,
    MinMaxScaler.NAME: MinMaxScaler,
    StandardScaler.NAME: StandardScaler,
}
"""The models that no method uses (`processors.methods.METHODS` has the others), by name."""

__all__ = [
    "ADWIN",
    "MODELS",
    "SNARIMAX",
    "EWStats",
    "GaussianScorer",
    "HalfSpaceTrees",
    "MinMaxScaler",
    "PageHinkley",
    "RiverModel",
    "StandardScaler",
]
