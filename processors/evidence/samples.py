"""The input of a verdict: the samples of a batch, and the state of their rows at each sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.columns import Flags, Floats, Rows
from processors.evidence import signature
from processors.evidence.baseline import BASELINE
from processors.evidence.envelope import LEVELS
from processors.evidence.features import NUMBERS
from processors.evidence.limits import Held
from processors.evidence.trend import FIT


@dataclass(frozen=True)
class Samples:
    """Snapshots in input order, shape `(B,)`; sizes are bytes (`processors.decode.sizes`).

    Parameters
    ----------
    time
        Unix seconds.
    memory
        The memory that a leak grows.
    limit, used
        The limit that applies, and what counts against it.
    left
        The bytes left before a limit is reached.
    restarted, timed
        Whether the start time says that the run is new, and whether there is a start time.
    load, faults
        Processor seconds per second and page faults per second; NaN where unknown.
    swap
        The swapped part of the memory; NaN where unknown.
    """

    time: Floats
    memory: Floats
    limit: Floats
    used: Floats
    left: Floats
    restarted: Flags
    timed: Flags
    load: Floats | None = None
    faults: Floats | None = None
    swap: Floats | None = None


class Moment:
    """The state of the instances at each sample of a batch; filled round by round."""

    def __init__(self, size: int) -> None:
        self.fits = np.zeros((size, LEVELS), FIT)
        self.shapes = np.zeros((size, LEVELS), signature.SHAPE)
        self.height = np.zeros((size, LEVELS))
        self.scale = np.zeros(size, np.intp)
        self.anchor = np.zeros(size)
        self.before = np.full((size, 2), -np.inf)
        self.quality = np.ones(size)
        self.gap = np.zeros(size)
        self.lost = np.zeros(size)
        self.uneven = np.zeros(size)
        self.flows = np.full((size, NUMBERS), np.nan, np.float32)
        self.baseline = np.full((size, BASELINE), np.nan)
        self.restarted = np.zeros(size, np.bool_)
        self.taken = np.zeros(size, np.bool_)
        self.limit_before = np.full(size, np.nan)
        self.limit_raised = np.full(size, -np.inf)

    def hold(self, at: Rows, held: Held) -> None:
        """Keep the limits from before they were raised."""
        self.limit_before[at], self.limit_raised[at] = held.before, held.raised
