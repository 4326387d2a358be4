"""SNARIMAX: forecasts of a single series."""

from processors.models.snarimax.model import SNARIMAX

__all__ = ["SNARIMAX"]
