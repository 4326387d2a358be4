"""The walk: each sample, in order, changes the state of its instance. In numpy, by rounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.columns import Floats, Rows
from processors.evidence.baseline import Baselines
from processors.evidence.envelope import LEVELS, Envelope, each_ring
from processors.evidence.features import Flows
from processors.evidence.limits import Limits
from processors.evidence.normal_rise import Excursions
from processors.evidence.restarts import Restarts
from processors.evidence.rings import NOTHING, Rings, joined, worth
from processors.evidence.samples import Moment, Steps
from processors.evidence.season import Season
from processors.rounds import rounds


@dataclass(frozen=True)
class Walked:
    """The parts of the state of instances that a walk changes."""

    envelope: Envelope
    excursions: Excursions
    restarts: Restarts
    season: Season
    flows: Flows
    baselines: Baselines
    limits: Limits

    @classmethod
    def of(cls, capacity: int) -> Walked:
        """Return the state of so many new rows."""
        return cls(
            Envelope(capacity),
            Excursions(capacity),
            Restarts(capacity),
            Season(capacity),
            Flows(capacity),
            Baselines(capacity),
            Limits(capacity),
        )


def walk(state: Walked, steps: Steps, moment: Moment) -> Rings:
    """Take the samples of a batch, and fill the state at each of them. Rows may repeat.

    Returns
    -------
    The rings worth a fit, to which `moment.ring` refers.
    """
    rings: list[Rings] = []
    count = 0
    for part in rounds(steps.rows):
        _carry(steps.before.take(part), part, moment)
        newer = ~(steps.time.take(part) <= state.envelope.last.take(steps.rows.take(part)))
        taken = part[newer & steps.usable.take(part)]
        if len(taken):
            these = steps.only(taken) if len(taken) < len(steps.rows) else steps
            rings.append(_take(state, taken, these, moment, count))
            count += len(rings[-1].size)
        _look(state.envelope, part, steps.rows.take(part), moment)
    return joined(rings) if rings else Rings.of(0)


def _carry(before: Rows, part: Rows, moment: Moment) -> None:
    """Let fits rest on the rings that they rested on at the sample before."""
    again = np.flatnonzero(before >= 0)
    moment.ring[part.take(again)] = moment.ring.take(before.take(again), axis=0)


def _take(state: Walked, part: Rows, steps: Steps, moment: Moment, known: int) -> Rings:
    """Take one sample per row; `known` is the number of rings before these."""
    rows, time, value = steps.rows, steps.time, steps.memory
    moment.taken[part] = True
    restarted = state.restarts.add(rows, steps.restarted, steps.timed, value, steps.limit)
    if restarted.any():
        _restart(state, rows[restarted], time[restarted])
        moment.restarted[part] = restarted
        moment.ring[part[restarted]] = NOTHING
    moment.limit_before[part], moment.limit_raised[part] = state.limits.add(rows, time, steps.limit)
    moment.before[part] = state.season.add(rows, time, value)
    since = time - state.envelope.last.take(rows)
    which, level = state.envelope.add(rows, time, value, steps.load)
    moment.flows[part] = state.flows.add(rows, since, value, steps.faults, steps.swap, steps.limit)
    gap = state.envelope.gap.take(rows)
    moment.baseline[part] = state.baselines.add(rows, time, since, gap, value)
    closed = rows.take(which) * LEVELS + level
    return _refit(state, closed, steps.limit.take(which), part.take(which) * LEVELS + level, moment, known)


def _restart(state: Walked, rows: Rows, time: Floats) -> None:
    state.envelope.clear(rows, time)
    state.excursions.clear(rows)
    for part in (state.flows, state.baselines, state.limits):
        part.reset(rows)


def _refit(state: Walked, closed: Rows, limit: Floats, at: Rows, moment: Moment, known: int) -> Rings:
    """Return the rings worth a fit among those where a bucket closed; `at` is their place in the batch."""
    envelope, excursions = state.envelope, state.excursions
    low, size = each_ring(envelope.low).take(closed, axis=0), envelope.size.reshape(-1).take(closed)
    moment.height.reshape(-1)[at] = excursions.add(closed, low[:, 0])
    usual = excursions.usual.reshape(-1).take(closed)
    some = worth(low, size, usual, limit)
    ring = np.full(len(closed), NOTHING, np.int32)
    ring[some] = np.arange(known, known + len(some))
    moment.ring.reshape(-1)[at] = ring
    return Rings(
        low=low.take(some, axis=0),
        at=each_ring(envelope.at).take(closed.take(some), axis=0),
        busy=each_ring(envelope.busy).take(closed.take(some), axis=0),
        size=size.take(some),
        usual=usual.take(some),
        limit=limit.take(some),
    )


def _look(envelope: Envelope, part: Rows, rows: Rows, moment: Moment) -> None:
    """Fill the state that every sample has, also one that was refused."""
    moment.scale[part] = envelope.scale.take(rows)
    moment.anchor[part] = envelope.anchor.take(rows)
    moment.gap[part] = envelope.gap.take(rows)
    moment.missing[part] = envelope.missing.take(rows)
    moment.uneven[part] = envelope.uneven.take(rows)
