"""Intake: which snapshots are scored, and the columns they are scored in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fleetleak.kafka.runtime import Key, Record, Rejected
from fleetleak.observe import metrics
from fleetleak.records import Decoder, Snapshot, Unreadable
from processors.memory import Shares, shares
from processors.models.base import Floats, Rows
from processors.services import Services

_NAN = float("nan")


@dataclass
class Batch:
    """Admitted snapshots, one row each, in input order.

    Parameters
    ----------
    records, snapshots, shares
        What came in; `shares` is None where memory cannot be told.
    service_rows, instance_rows
        Where their state is.
    restarted, oom_kills
        Whether this run of the instance is new; OOM kills since its snapshot before.
    """

    records: list[Record]
    snapshots: list[Snapshot]
    shares: list[Shares | None]
    service_rows: Rows
    instance_rows: Rows
    restarted: list[bool]
    oom_kills: list[int | None]

    def __len__(self) -> int:
        return len(self.records)

    def column(self, values: Sequence[float | None]) -> Floats:
        """Give a column of floats; absent is NaN."""
        return np.array([_NAN if v is None else v for v in values], dtype=np.float64)


class Intake:
    """Decodes, refuses what is unreadable, and drops what is late or a duplicate.

    Late and duplicate are per instance and by event time alone: a snapshot not newer than its instance's
    newest was either seen already or would turn the instance's time back.
    """

    def __init__(self, services: Services, future_seconds: float) -> None:
        self._services = services
        self._future = future_seconds
        self._decode = Decoder(Snapshot).decode

    def admit(self, records: Sequence[Record]) -> tuple[Batch, list[Rejected]]:
        """Give the batch to score, and what is unreadable."""
        admitted = Batch([], [], [], np.empty(0, np.intp), np.empty(0, np.intp), [], [])
        rejected: list[Rejected] = []
        rows: list[tuple[int, int]] = []
        for record in records:
            try:
                snapshot = self._read(record)
            except Unreadable as error:
                rejected.append(Rejected(record, error.reason, str(error)))
                continue
            if (placed := self._place(admitted, record, snapshot)) is not None:
                rows.append(placed)
        both = np.array(rows, dtype=np.intp).reshape(-1, 2)
        admitted.service_rows, admitted.instance_rows = both[:, 0].copy(), both[:, 1].copy()
        return admitted, rejected

    def _read(self, record: Record) -> Snapshot:
        snapshot = self._decode(record.value)
        if record.key != snapshot.service.encode():
            raise Unreadable("wrong-key", f"the record's key must be its service, {snapshot.service!r}")
        if snapshot.timestamp > record.appended + self._future:
            ahead = snapshot.timestamp - record.appended
            raise Unreadable(
                "future", f"its time is {ahead:.0f} s ahead of the broker's: set the host's clock"
            )
        return snapshot

    def _place(self, admitted: Batch, record: Record, snapshot: Snapshot) -> tuple[int, int] | None:
        service = self._services.service(Key(record.partition, record.key or b""))
        instance = self._services.instance(service, snapshot.instance, snapshot.timestamp)
        if snapshot.timestamp <= instance.time:
            metrics.LATE.labels("duplicate" if snapshot.timestamp == instance.time else "late").inc()
            return None
        started, before = snapshot.started, instance.started
        restarted = started is not None and before is not None and abs(started - before) > 1.0
        kills, kills_before = snapshot.oom_kills, instance.oom_kills
        admitted.records.append(record)
        admitted.snapshots.append(snapshot)
        admitted.shares.append(shares(snapshot))
        admitted.restarted.append(restarted)
        admitted.oom_kills.append(
            max(0, kills - kills_before) if kills is not None and kills_before is not None else None
        )
        instance.time = snapshot.timestamp
        if started is not None:
            instance.started = started
        if kills is not None:
            instance.oom_kills = kills
        return service.row, instance.row
