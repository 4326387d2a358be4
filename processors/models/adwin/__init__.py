"""ADWIN: whether the mean of a series has changed."""

from processors.models.adwin.model import ADWIN

__all__ = ["ADWIN"]
