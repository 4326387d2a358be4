"""Samples for the engine: memory in multiples of a limit of 1, unless said."""

from __future__ import annotations

import numpy as np

from processors.columns import Flags, Floats
from processors.evidence.samples import Samples


def samples(
    time: Floats,
    memory: Floats,
    *,
    used: Floats | None = None,
    limit: Floats | float = 1.0,
    restarted: Flags | None = None,
    load: Floats | None = None,
    faults: Floats | None = None,
    swap: Floats | None = None,
) -> Samples:
    """Give samples of which all memory counts against the limit; without `restarted` no start is known."""
    limits = np.broadcast_to(np.asarray(limit, dtype=np.float64), time.shape)
    counted = memory if used is None else used
    never = np.zeros(len(time), dtype=np.bool_)
    return Samples(
        time=time,
        memory=memory,
        limit=limits,
        used=counted,
        left=np.maximum(limits - counted, 0.0),
        restarted=never if restarted is None else restarted,
        timed=never if restarted is None else ~never,
        load=load,
        faults=faults,
        swap=swap,
    )
