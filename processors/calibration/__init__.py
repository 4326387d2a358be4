"""Calibration: from raw scores to tail probabilities."""

from processors.calibration.calibrations import Calibrations
from processors.calibration.model import Calibration

__all__ = ["Calibration", "Calibrations"]
