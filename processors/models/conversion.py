"""Converts rows of models to River objects and back: for inspection and tests, not for the hot path."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from processors.models import (
    ew_stats,
    gaussian_scorer,
    half_space_trees,
    min_max_scaler,
    object_model,
    page_hinkley,
    snarimax,
    standard_scaler,
)
from processors.models.adwin import ADWIN
from processors.models.half_space_trees import river as _trees
from processors.models.river import RiverModel
from processors.models.snarimax import river as _snarimax

_CONVERTERS: dict[type, ModuleType] = {
    half_space_trees.HalfSpaceTrees: _trees,
    snarimax.SNARIMAX: _snarimax,
    ew_stats.EWStats: ew_stats,
    gaussian_scorer.GaussianScorer: gaussian_scorer,
    min_max_scaler.MinMaxScaler: min_max_scaler,
    standard_scaler.StandardScaler: standard_scaler,
    page_hinkley.PageHinkley: page_hinkley,
    ADWIN: object_model,
    RiverModel: object_model,
}
"""By class of model, the module with its `to_river` and `from_river`."""


def converts(model: object) -> bool:
    """Return whether River has a counterpart of this model."""
    return type(model) in _CONVERTERS


def to_river(model: object, row: int) -> Any:
    """Return the River object that continues like a row; features are `f0`, `f1`, ...

    Raises
    ------
    KeyError
        If River has no counterpart of this model.
    """
    return _CONVERTERS[type(model)].to_river(model, row)


def from_river(model: object, row: int, other: Any) -> None:
    """Continue a row from a River object.

    Raises
    ------
    KeyError
        If River has no counterpart of this model.
    ValueError
        If the parameters of the River object are not those of the model.
    """
    _CONVERTERS[type(model)].from_river(model, row, other)
