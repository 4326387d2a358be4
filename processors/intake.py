"""Intake: which records are scored, and which rows their state is in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak.stream import Applied, Key, Record, Rejected
from processors.batch import Admitted, Measured, Unmeasured
from processors.memory import sizes
from processors.runs import is_new_run
from processors.services import Instance, Service, Services


class Intake:
    """Decodes records, rejects unreadable ones, and drops late and duplicate snapshots.

    A snapshot must be newer than the newest one of its instance, by event time. Otherwise it was seen
    before, or it would turn the time of its instance back.

    Parameters
    ----------
    services
        Where the rows of services and instances are.
    future_seconds
        A snapshot is unreadable if its time is further ahead of the broker's.
    """

    def __init__(self, services: Services, future_seconds: float) -> None:
        self._services = services
        self._future = future_seconds
        self._decode = Decoder(Snapshot).decode

    def admit(self, records: Sequence[Record], applied: Applied) -> Iterator[Admitted]:
        """Yield what to score; each part must be scored before the next is asked for.

        There is one part, except where a record makes rows new that earlier records still need.

        Parameters
        ----------
        applied
            Takes the unreadable records, and how many were late or duplicates.
        """
        admitted = Admitted()
        for record in records:
            try:
                snapshot = self._read(record)
            except Unreadable as error:
                applied.rejected.append(Rejected(record, error.reason, str(error)))
                continue
            service = self._services.service(Key(record.partition, record.key or b""))
            if len(admitted) and self._services.forgets(service, snapshot.instance, snapshot.timestamp):
                yield admitted
                admitted = Admitted()
            instance = self._services.instance(service, snapshot.instance, snapshot.timestamp)
            if snapshot.timestamp <= instance.time:
                applied.count(metrics.LATE, "duplicate" if snapshot.timestamp == instance.time else "late")
            else:
                admitted.add(_measured(record, snapshot, service, instance))
        if len(admitted):
            yield admitted

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


def _measured(
    record: Record, snapshot: Snapshot, service: Service, instance: Instance
) -> Measured | Unmeasured:
    """Return a snapshot with its rates since the one before, and note its counters for the next one."""
    restarted = is_new_run(instance.time, instance.started, snapshot.started)
    passed = snapshot.timestamp - instance.time
    load = _rate(instance.cpu_seconds, snapshot.cpu_seconds, passed)
    faults = _rate(instance.faults, snapshot.faults_minor, passed)
    stalled = _rate(instance.pressure, snapshot.pressure_some, passed)
    stalled = min(stalled, 1.0) if stalled == stalled else 0.0
    instance.cpu_seconds, instance.faults = snapshot.cpu_seconds, snapshot.faults_minor
    instance.pressure, instance.gap = snapshot.pressure_some, passed if instance.time >= 0 else 0.0
    instance.time = snapshot.timestamp
    if snapshot.started is not None:
        instance.started = snapshot.started
    size = sizes(snapshot)
    if size is None:
        return Unmeasured(record, snapshot, stalled)
    instance.limit = size.limit
    if restarted or not instance.unit:
        instance.unit = size.limit
    unit = instance.unit
    return Measured(record, snapshot, size, service, instance, restarted, unit, load, faults, stalled)


def _rate(before: float | None, now: float | None, seconds: float) -> float:
    """Return the growth of a counter per second; NaN at its first value, and where the counter fell."""
    return math.nan if before is None or now is None or now < before else (now - before) / seconds
