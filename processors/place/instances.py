"""What the next record and the siblings need to know of each instance, and the times of each service."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Flags, Floats, Rows


class Instances(Columns):
    """One row per instance.

    `time`, `started`, `cpu_seconds`, `faults` and `pressure` are of its newest admitted record; `seen`,
    `gap`, `began`, `memory`, `suspected` and `identity` of its newest scored record. The two differ within a
    batch, and where the newest record could not be scored. `gap` is the time to the record before that one,
    in seconds. `memory` and `limit` are bytes. `unit` is the limit at the start of its run, in bytes: a share
    of 1 in the learned models. So the models do not move when the limit moves.

    Attributes
    ----------
    versions
        The version of the newest scored record, by row.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.time: Floats = self.column("time", (), np.float64, -1.0)
        self.started: Floats = self.column("started", (), np.float64, np.nan)
        self.cpu_seconds: Floats = self.column("cpu_seconds", (), np.float64, np.nan)
        self.faults: NDArray[np.int64] = self.column("faults", (), np.int64, -1)
        self.pressure: Floats = self.column("pressure", (), np.float64, np.nan)
        self.gap: Floats = self.column("gap", (), np.float64, 0.0)
        self.seen: Floats = self.column("seen", (), np.float64, -1.0)
        self.began: Floats = self.column("began", (), np.float64, np.nan)
        self.memory: Floats = self.column("memory", (), np.float64, 0.0)
        self.limit: NDArray[np.int64] = self.column("limit", (), np.int64, 0)
        self.unit: NDArray[np.int64] = self.column("unit", (), np.int64, 0)
        self.suspected: Flags = self.column("suspected", (), np.bool_, 0)
        self.identity: NDArray[np.int64] = self.column("identity", (), np.int64, -1)
        self.versions: list[str | None] = [None] * capacity

    def grow(self, capacity: int) -> None:
        """Extend to `capacity` rows; existing rows keep their state."""
        self.versions += [None] * (capacity - self.capacity)
        super().grow(capacity)

    def reset(self, rows: Rows) -> None:
        """Make these rows new."""
        super().reset(rows)
        for row in rows.tolist():
            self.versions[row] = None


class ServiceTimes(Columns):
    """Event times of each service, unix seconds: its first and newest record, its last prune, its last view.

    The last view is also in `siblings.SiblingView`; a batch compares it in this column.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.begun: Floats = self.column("begun", (), np.float64, 0.0)
        self.newest: Floats = self.column("newest", (), np.float64, 0.0)
        self.pruned: Floats = self.column("pruned", (), np.float64, 0.0)
        self.viewed: Floats = self.column("viewed", (), np.float64, 0.0)
