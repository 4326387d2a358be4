"""Intake: which snapshots are scored, and where their state is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak.stream import Key, Record, Rejected
from processors.columns import Flags, Rows
from processors.memory import Sizes, sizes
from processors.runs import is_new_run
from processors.services import Instance, Service, Services


@dataclass
class Batch:
    """Admitted snapshots in input order: lists and columns of one entry each.

    Parameters
    ----------
    records, snapshots, sizes
        What came in; `sizes` is None where memory cannot be told.
    owners
        The service and the instance, as they are kept.
    restarts
        Whether this run of the instance is new.
    units
        What a share of 1 stands for in the learned models of each, bytes (`Instance.unit`).
    loads, faults
        Processor seconds and page faults a second since the snapshot before; NaN where not known.
    stalls
        Share of that time in which tasks waited for memory; 0 where not known.
    """

    records: list[Record] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    sizes: list[Sizes | None] = field(default_factory=list)
    owners: list[tuple[Service, Instance]] = field(default_factory=list)
    restarts: list[bool] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    faults: list[float] = field(default_factory=list)
    stalls: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def service_rows(self) -> Rows:
        """Row of each snapshot's service."""
        return np.array([service.row for service, _ in self.owners], dtype=np.intp)

    @property
    def instance_rows(self) -> Rows:
        """Row of each snapshot's instance."""
        return np.array([instance.row for _, instance in self.owners], dtype=np.intp)

    @property
    def restarted(self) -> Flags:
        """Whether each snapshot is the first of a new run."""
        return np.array(self.restarts, dtype=np.bool_)


class Intake:
    """Decodes, refuses what is unreadable, and drops what is late or a duplicate.

    Late and duplicate are per instance and by event time alone: a snapshot not newer than its instance's
    newest was either seen already or would turn the instance's time back.
    """

    def __init__(self, services: Services, future_seconds: float) -> None:
        self._services = services
        self._future = future_seconds
        self._decode = Decoder(Snapshot).decode

    def admit(self, records: Sequence[Record], rejected: list[Rejected]) -> Iterator[Batch]:
        """Give batches to score, each before the next is asked for; add what is unreadable to `rejected`.

        There is one batch, but where a record makes rows new that earlier records still need.
        """
        batch = Batch()
        for record in records:
            try:
                snapshot = self._read(record)
            except Unreadable as error:
                rejected.append(Rejected(record, error.reason, str(error)))
                continue
            service = self._services.service(Key(record.partition, record.key or b""))
            if batch.records and self._services.forgets(service, snapshot.instance, snapshot.timestamp):
                yield batch
                batch = Batch()
            self._place(batch, record, snapshot, service)
        if batch.records:
            yield batch

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

    def _place(self, batch: Batch, record: Record, snapshot: Snapshot, service: Service) -> None:
        instance = self._services.instance(service, snapshot.instance, snapshot.timestamp)
        if snapshot.timestamp <= instance.time:
            metrics.LATE.labels("duplicate" if snapshot.timestamp == instance.time else "late").inc()
            return
        restarted = is_new_run(instance.time, instance.started, snapshot.started)
        passed = snapshot.timestamp - instance.time
        batch.records.append(record)
        batch.snapshots.append(snapshot)
        batch.sizes.append(size := sizes(snapshot))
        batch.owners.append((service, instance))
        batch.restarts.append(restarted)
        batch.loads.append(_rate(instance.cpu_seconds, snapshot.cpu_seconds, passed))
        batch.faults.append(_rate(instance.faults, snapshot.faults_minor, passed))
        stalled = _rate(instance.pressure, snapshot.pressure_some, passed)
        batch.stalls.append(min(stalled, 1.0) if stalled == stalled else 0.0)
        instance.cpu_seconds, instance.faults = snapshot.cpu_seconds, snapshot.faults_minor
        instance.pressure, instance.gap = snapshot.pressure_some, passed if instance.time >= 0 else 0.0
        instance.time = snapshot.timestamp
        if size is not None:
            instance.limit = size.limit
            if restarted or not instance.unit:
                instance.unit = size.limit
        batch.units.append(instance.unit or 1)
        if snapshot.started is not None:
            instance.started = snapshot.started


def _rate(before: float | None, now: float | None, seconds: float) -> float:
    """Give the growth of a counter per second; NaN at its first value and where it began anew."""
    return math.nan if before is None or now is None or now < before else (now - before) / seconds
