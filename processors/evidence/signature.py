"""What kind of growth it is."""

from __future__ import annotations

from typing import get_args

import numpy as np

from fleetleak.records.types import Kind
from processors.evidence.columns import Floats
from processors.evidence.trend import Fits

KINDS: tuple[str, ...] = get_args(Kind)
CODE = {kind: np.int8(code) for code, kind in enumerate(KINDS)}
"""Codes are positions in the `Kind` literal of the score record."""


def shape(fits: Fits) -> Floats:
    """Code of the leak shape of each stretch."""
    bend = fits["slope3"] - fits["slope1"]
    return np.where(
        bend > 0.9, CODE["exponential"], np.where(bend < -0.5, CODE["fragmentation"], CODE["linear"])
    )
