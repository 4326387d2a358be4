"""The input of a verdict: the samples of a batch, and the state of their rows at each sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats, Floats32, Rows
from processors.evidence.baseline import BASELINE
from processors.evidence.envelope import LEVELS
from processors.evidence.features import NUMBERS
from processors.evidence.rings import AS_STORED
from processors.evidence.season import PERIODS

_LARGEST = 1e30  # of a load or a swap; some columns are float32


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

    def only(self, at: Rows) -> Samples:
        """Return the samples at `at`."""
        return Samples(*_each(self, at))

    def usable(self) -> Flags:
        """Return where all sizes and the time are finite."""
        return np.isfinite(self.time + self.memory + self.used + self.limit + self.left)


@dataclass(frozen=True)
class Steps:
    """What the samples of a batch tell the walk (walk.py), as contiguous columns of shape `(B,)`.

    Parameters
    ----------
    before
        Place of the sample before of the same row; -1 for the first one.
    usable
        Whether the sample can be learned.
    load, swap
        As in `Samples`, 0 where unknown.
    """

    rows: Rows
    before: Rows
    time: Floats
    memory: Floats
    limit: Floats
    load: Floats
    faults: Floats
    swap: Floats
    restarted: Flags
    timed: Flags
    usable: Flags

    @classmethod
    def of(cls, rows: Rows, before: Rows, samples: Samples) -> Steps:
        """Return the steps of samples of these rows."""
        size = len(rows)
        return cls(
            rows=np.ascontiguousarray(rows, np.intp),
            before=before,
            time=np.ascontiguousarray(samples.time, np.float64),
            memory=np.ascontiguousarray(samples.memory, np.float64),
            limit=np.ascontiguousarray(samples.limit, np.float64),
            load=_known(samples.load, size),
            faults=_given(samples.faults, size, np.nan),
            swap=_known(samples.swap, size),
            restarted=np.ascontiguousarray(samples.restarted, np.bool_),
            timed=np.ascontiguousarray(samples.timed, np.bool_),
            usable=samples.usable(),
        )

    def only(self, at: Rows) -> Steps:
        """Return the steps at `at`."""
        return Steps(*_each(self, at))


def _given(values: Floats | None, size: int, unknown: float) -> Floats:
    return np.full(size, unknown) if values is None else np.ascontiguousarray(values, np.float64)


def _known(values: Floats | None, size: int) -> Floats:
    given = _given(values, size, 0.0)
    known = np.where(np.isfinite(given), given, 0.0)
    return np.minimum(np.maximum(known, -_LARGEST), _LARGEST)


@dataclass(frozen=True)
class Moment:
    """The state of the instances at each sample of a batch, shape `(B, ...)`.

    Parameters
    ----------
    ring
        The ring that the fit of each level rests on, of all rings of the batch up to there (rings.py).
    height
        Height of the excursion of each level; 0 where no bucket closed.
    scale, anchor, gap, missing, uneven
        From `Envelope`.
    before
        Memory at the same time a day and a week before (season.py).
    flows, baseline
        From `Flows` and `Baselines`; NaN where the sample was refused.
    restarted
        Where a new run begins.
    taken
        False for samples that were refused.
    limit_before, limit_raised
        From `Limits`.
    """

    ring: NDArray[np.int32]
    height: Floats
    scale: Rows
    anchor: Floats
    gap: Floats
    missing: Floats
    uneven: Floats
    before: Floats
    flows: Floats32
    baseline: Floats
    restarted: Flags
    taken: Flags
    limit_before: Floats
    limit_raised: Floats

    @classmethod
    def of(cls, size: int) -> Moment:
        """Return the state at samples that were all refused."""
        return cls(
            ring=np.full((size, LEVELS), AS_STORED, np.int32),
            height=np.zeros((size, LEVELS)),
            scale=np.zeros(size, np.intp),
            anchor=np.zeros(size),
            gap=np.zeros(size),
            missing=np.zeros(size),
            uneven=np.zeros(size),
            before=np.full((size, len(PERIODS)), -np.inf),
            flows=np.full((size, NUMBERS), np.nan, np.float32),
            baseline=np.full((size, BASELINE), np.nan),
            restarted=np.zeros(size, np.bool_),
            taken=np.zeros(size, np.bool_),
            limit_before=np.full(size, np.nan),
            limit_raised=np.full(size, -np.inf),
        )

    def only(self, at: Rows) -> Moment:
        """Return the state at the samples at `at`."""
        return Moment(*_each(self, at))


def columns(batch: Samples | Steps | Moment) -> Iterator[Any]:
    """Yield the columns, in order."""
    return map(batch.__getattribute__, batch.__dataclass_fields__)


def _each(batch: Samples | Steps | Moment, at: Rows) -> Iterator[Any]:
    return (None if column is None else column.take(at, axis=0) for column in columns(batch))
