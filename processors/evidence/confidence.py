"""From the signs of a leak to one confidence: which sign is missing most decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.evidence.columns import Floats
from processors.evidence.saturation import plateau
from processors.evidence.trend import Fits

DAY = 86400.0


@dataclass(frozen=True)
class Signs:
    """The criteria of the three ways to recognise a leak; each is 0 at its threshold, positive beyond.

    A way is as strong as its weakest criterion, a leak as clear as its strongest way.
    """

    noise: Floats
    shape: Floats
    margin: Floats
