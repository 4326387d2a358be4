"""ADWIN: changes of a mean."""

from processors.models.adwin.model import ADWIN

__all__ = ["ADWIN"]
