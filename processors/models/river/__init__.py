"""Any anomaly detector of River, one object per row."""

from processors.models.river.model import RiverModel

__all__ = ["RiverModel"]
