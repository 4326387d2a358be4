"""The walk by the compiled kernel, sample by sample: the same as walk.py, without rounds."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from processors.evidence.envelope import LEVELS
from processors.evidence.rings import Rings, joined
from processors.evidence.samples import Moment, Steps, columns
from processors.evidence.walk import Walked
from processors.kernels.protocol import Kernels


def compiled_walk(kernels: Kernels, state: Walked, steps: Steps, moment: Moment) -> Rings:
    """Take the samples of a batch, and fill the state at each of them. Rows may repeat.

    Returns
    -------
    The rings worth a fit, to which `moment.ring` refers.
    """
    arrays = (*columns(steps), *_state(state), *columns(moment))
    size = len(steps.rows)
    parts: list[Rings] = []
    done = known = 0
    while done < size:
        space = Rings.of(size - done + LEVELS)  # a sample may need six; most need none
        done, count = kernels.evidence((*arrays, *space), done, known)
        parts.append(space.first(count))
        known += count
    return joined(parts) if parts else Rings.of(0)


def _state(state: Walked) -> tuple[NDArray[Any], ...]:
    """Return the columns in the order of the kernel."""
    envelope, excursions, season = state.envelope, state.excursions, state.season
    return (
        envelope.low, envelope.at, envelope.busy, envelope.size, envelope.open_low, envelope.open_at,
        envelope.open_load, envelope.open_count, envelope.open_index, envelope.scale, envelope.gap,
        envelope.uneven, envelope.missing, envelope.last, envelope.seen, envelope.anchor,
        excursions.trough, excursions.peak, excursions.low, excursions.usual, state.restarts.floor,
        season.low, season.number, state.flows.numbers, state.baselines.open, state.baselines.longest,
        state.limits.limit, state.limits.before, state.limits.raised,
    )  # fmt: skip
