"""Admitted snapshots, and the measured ones among them as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fleetleak.records import Snapshot
from fleetleak.stream import Record
from processors.columns import Floats, Rows
from processors.evidence.samples import Samples
from processors.memory import Sizes
from processors.services import Instance, Service


class Measured(NamedTuple):
    """One snapshot with known sizes, its service and its instance.

    Parameters
    ----------
    restarted
        Whether its start time says that the run is new.
    unit
        Bytes of a share of 1 in the learned models (`Instance.unit`).
    load, faults
        Processor seconds and page faults per second since the snapshot before; NaN where unknown.
    stalled
        Share of that time in which tasks waited for memory; 0 where unknown.
    """

    record: Record
    snapshot: Snapshot
    sizes: Sizes
    service: Service
    instance: Instance
    restarted: bool
    unit: int
    load: float
    faults: float
    stalled: float


class Unmeasured(NamedTuple):
    """One snapshot without memory, or without a limit and a total."""

    record: Record
    snapshot: Snapshot
    stalled: float


@dataclass(frozen=True)
class Batch:
    """Measured snapshots in input order, at least one, as columns of one entry each.

    Parameters
    ----------
    services, instances
        Rows of their services and instances.
    samples
        Sizes and rates.
    units
        Bytes of a share of 1 in the learned models.
    """

    measured: Sequence[Measured]
    services: Rows
    instances: Rows
    samples: Samples
    units: Floats


@dataclass
class Admitted:
    """Snapshots in input order. None of them makes a row new that one before it still needs."""

    measured: list[Measured] = field(default_factory=list)
    unmeasured: dict[int, Unmeasured] = field(default_factory=dict)
    """By place among all snapshots."""

    def __len__(self) -> int:
        return len(self.measured) + len(self.unmeasured)

    def add(self, one: Measured | Unmeasured) -> None:
        """Append a snapshot."""
        if isinstance(one, Measured):
            self.measured.append(one)
        else:
            self.unmeasured[len(self)] = one

    def batch(self) -> Batch:
        """Return the measured snapshots as columns; there must be at least one."""
        measured = self.measured
        numbers = (
            np.array(column, dtype=np.float64) for column in zip(*map(_numbers, measured), strict=True)
        )
        time, memory, limit, used, left, load, faults, swap, units = numbers
        restarted = np.array([one.restarted for one in measured], dtype=np.bool_)
        timed = np.array([one.snapshot.started is not None for one in measured], dtype=np.bool_)
        return Batch(
            measured,
            services=np.array([one.service.row for one in measured], dtype=np.intp),
            instances=np.array([one.instance.row for one in measured], dtype=np.intp),
            samples=Samples(time, memory, limit, used, left, restarted, timed, load, faults, swap),
            units=units,
        )

    def in_order(
        self, measured: Sequence[bytes], unmeasured: Sequence[bytes]
    ) -> Iterator[tuple[Record, bytes]]:
        """Yield each record with its score, in input order."""
        known = zip((one.record for one in self.measured), measured, strict=True)
        others = zip((one.record for one in self.unmeasured.values()), unmeasured, strict=True)
        for place in range(len(self)):
            yield next(others if place in self.unmeasured else known)


def _numbers(one: Measured) -> tuple[float, ...]:
    sizes, snapshot = one.sizes, one.snapshot
    return (
        snapshot.timestamp, sizes.memory, sizes.limit, sizes.used, sizes.left, one.load, one.faults,
        snapshot.swap_used or 0, one.unit,
    )  # fmt: skip
