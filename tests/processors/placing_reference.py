"""Placing as a definition: record by record, with a dict of objects, and nothing that looks ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak.records.memory import growable
from fleetleak.stream import Key, Record, Rejected
from processors.decode.row import FLOATS, INTS, NAMES

_SAME_START, _CLOCKS_APART = 5.0, 60.0


@dataclass
class Instance:
    """What an instance leaves to its next record."""

    time: float = -1.0
    started: float | None = None
    cpu_seconds: float | None = None
    faults: int | None = None
    pressure: float | None = None
    limit: int = 0
    unit: int = 0


@dataclass
class Service:
    """The event times of a service, and its instances in the order in which they were met."""

    begun: float = 0.0
    newest: float = 0.0
    pruned: float = 0.0
    instances: dict[str, Instance] = field(default_factory=dict)


@dataclass
class Admitted:
    """One snapshot that is scored; what is NaN in columns is None here."""

    offset: int
    key: Key
    texts: tuple[Any, ...]
    numbers: dict[str, float | None]
    sizes: tuple[int, int, int, int, str] | None
    gap: float
    restarted: bool
    unit: int | None
    load: float | None
    faults: float | None
    stalled: float


class Reference:
    """Takes records one by one.

    Attributes
    ----------
    admitted, rejected, late
        What came of the records.
    services
        What is in memory.
    pruned, forgotten
        How many instances were pruned, and how many began anew after a gap.
    """

    def __init__(self, forget: float, future: float) -> None:
        self.admitted: list[Admitted] = []
        self.rejected: list[Rejected] = []
        self.late: Counter[str] = Counter()
        self.services: dict[Key, Service] = {}
        self.pruned = self.forgotten = 0
        self._forget = forget
        self._future = future
        self._decode = Decoder(Snapshot).decode

    def take(self, records: Iterable[Record]) -> Reference:
        """Take records; return itself."""
        for record in records:
            try:
                self._place(record, self._read(record))
            except Unreadable as error:
                self.rejected.append(Rejected(record, error.reason, str(error)))
        return self

    def _read(self, record: Record) -> Snapshot:
        snapshot = self._decode(record.value)
        if record.key != snapshot.service.encode():
            raise Unreadable("wrong-key", f"the record's key must be its service, {snapshot.service!r}")
        if (ahead := snapshot.timestamp - record.appended) > self._future:
            message = f"its time is {ahead:.0f} s ahead of the broker's: set the host's clock"
            raise Unreadable("future", message)
        return snapshot

    def _place(self, record: Record, snapshot: Snapshot) -> None:
        key = Key(record.partition, record.key or b"")
        service, time = self.services.setdefault(key, Service()), snapshot.timestamp
        if time > service.newest:
            service.begun = service.begun or time
            service.newest = time
            self._prune(service)
        instance = service.instances.setdefault(snapshot.instance, Instance())
        if 0 <= instance.time < time - self._forget:
            self.forgotten += 1
            instance = service.instances[snapshot.instance] = Instance()
        if time <= instance.time:
            self.late["duplicate" if time == instance.time else "late"] += 1
        else:
            self.admitted.append(_admitted(record, key, snapshot, instance))

    def _prune(self, service: Service) -> None:
        if service.newest - service.pruned < self._forget / 8:
            return
        service.pruned = service.newest
        gone = [n for n, i in service.instances.items() if service.newest - i.time > self._forget]
        self.pruned += len(gone)
        for name in gone:
            del service.instances[name]


def _admitted(record: Record, key: Key, snapshot: Snapshot, instance: Instance) -> Admitted:
    restarted = _is_new_run(instance, snapshot.started)
    passed = snapshot.timestamp - instance.time
    stalled = _rate(instance.pressure, snapshot.pressure_some, passed)
    found, unit = sizes(snapshot), None
    if found is not None:
        instance.limit = found[1]
        if restarted or not instance.unit:
            instance.unit = found[1]
        unit = instance.unit
    admitted = Admitted(
        record.offset, key,
        texts=(*(getattr(snapshot, name) for name in NAMES), *(snapshot.labels or {}).items()),
        numbers={name: getattr(snapshot, name) for name in (*FLOATS, *INTS)},
        sizes=found,
        gap=passed if instance.time >= 0 else 0.0,
        restarted=restarted,
        unit=unit,
        load=_rate(instance.cpu_seconds, snapshot.cpu_seconds, passed),
        faults=_rate(instance.faults, snapshot.faults_minor, passed),
        stalled=0.0 if stalled is None else min(stalled, 1.0),
    )  # fmt: skip
    instance.time = snapshot.timestamp
    instance.cpu_seconds, instance.faults = snapshot.cpu_seconds, snapshot.faults_minor
    instance.pressure = snapshot.pressure_some
    instance.started = instance.started if snapshot.started is None else snapshot.started
    return admitted


def _is_new_run(before: Instance, started: float | None) -> bool:
    if started is None or before.started is None or started - before.started <= _SAME_START:
        return False
    return started > before.time - _CLOCKS_APART


def _rate(before: float | None, now: float | None, seconds: float) -> float | None:
    return None if before is None or now is None or now < before else (now - before) / seconds


def sizes(snapshot: Snapshot) -> tuple[int, int, int, int, str] | None:
    """Return memory, limit, used and left of a snapshot, in bytes, and the name of its limit."""
    memory = growable(snapshot)
    if memory is None:
        return None
    limit, total = snapshot.limit, snapshot.total
    if limit and (not total or limit <= total):
        name, used = snapshot.limit_name or "limit", snapshot.limit_used
    elif total:
        limit, name, used = total, "total", snapshot.working_set
    else:
        return None
    if used is None:
        used = snapshot.used if snapshot.used is not None else memory
    used = max(used, snapshot.anon or 0)
    left = max(0, limit - used)
    if snapshot.scope != "host" and snapshot.available is not None and snapshot.available < left:
        left, name = snapshot.available, "host_available"
    return memory, limit, used, left, name
