"""Services and their instances: which rows are theirs, and their whole state in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from fleetleak.kafka.runtime import Key
from fleetleak.observe import metrics
from processors.models.base import Rows

_FIRST_ROWS = 256
# Python's own objects of a service or instance: names, dict entries, the struct.
_OVERHEAD_BYTES = 600


class Part(Protocol):
    """Anything that keeps one row of state per service or instance."""

    def dump(self, row: int) -> bytes: ...

    def load(self, row: int, state: bytes) -> None: ...

    def reset(self, rows: Rows) -> None: ...

    def grow(self, capacity: int) -> None: ...

    def nbytes(self) -> int: ...


class Table:
    """Rows of a set of parts: taken, given back, reused."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = dict(parts)
        self.used = 0
        self._capacity = _FIRST_ROWS
        self._free: list[int] = []

    @property
    def bytes_per_row(self) -> float:
        """Memory one row takes."""
        return sum(p.nbytes() for p in self.parts.values()) / self._capacity + _OVERHEAD_BYTES

    def take(self) -> int:
        """Give a new row."""
        self.used += 1
        if self._free:
            return self._free.pop()
        if self.used > self._capacity:
            self._capacity *= 2
            for part in self.parts.values():
                part.grow(self._capacity)
        return self.used - 1

    def give_back(self, row: int) -> None:
        """Take a row back; the next to have it finds it new."""
        self.reset(row)
        self.used -= 1
        self._free.append(row)

    def reset(self, row: int) -> None:
        """Make a row new."""
        rows = np.array([row], dtype=np.intp)
        for part in self.parts.values():
            part.reset(rows)

    def dump(self, row: int) -> dict[str, bytes]:
        """Give the state of a row, by part."""
        return {name: part.dump(row) for name, part in self.parts.items()}

    def load(self, row: int, stored: Mapping[str, bytes]) -> None:
        """Put a state into a row; a part that cannot read its own starts new, counted."""
        for name, part in self.parts.items():
            try:
                if name in stored:
                    part.load(row, stored[name])
            except ValueError:
                metrics.CHECKPOINTS_REFUSED.labels("model").inc()


class Instance(msgspec.Struct):
    """One instance: its row, and of its newest record what its next is held against."""

    row: int
    time: float
    started: float | None = None
    cpu_seconds: float | None = None
    faults: int | None = None


class Service(msgspec.Struct):
    """One service: its row, its instances by name, and how far its own time has come."""

    row: int
    instances: dict[str, Instance]
    newest: float = 0.0
    pruned: float = 0.0


class _StoredInstance(msgspec.Struct, array_like=True):
    name: str
    time: float
    started: float | None
    cpu_seconds: float | None
    faults: int | None
    parts: dict[str, bytes]


class StoredService(msgspec.Struct, array_like=True):
    """The whole state of a service as a checkpoint holds it."""

    newest: float
    pruned: float
    parts: dict[str, bytes]
    instances: list[_StoredInstance]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StoredService).decode


def decode(state: bytes) -> StoredService:
    """Read a stored service.

    Raises
    ------
    ValueError
        If the bytes are not one.
    """
    return _decode(state)


class Services:
    """All services of the partitions owned here, within a budget of memory.

    Beyond the budget the services with the oldest newest record are packed to bytes, and unpacked at their
    next record: exact, so no output shows it.

    Parameters
    ----------
    service_parts, instance_parts
        What has a row per service and per instance.
    budget_bytes
        Of rows in use.
    forget_seconds
        An instance whose own records have a longer gap starts new.
    """

    def __init__(
        self,
        service_parts: Mapping[str, Part],
        instance_parts: Mapping[str, Part],
        budget_bytes: float,
        forget_seconds: float,
    ) -> None:
        self._table = Table(service_parts)
        self._instances = Table(instance_parts)
        self._budget = budget_bytes
        self._forget = forget_seconds
        self._live: dict[Key, Service] = {}
        self._packed: dict[Key, bytes] = {}

    def __len__(self) -> int:
        return len(self._live) + len(self._packed)

    def service(self, key: Key) -> Service:
        """Give a service, new or unpacked if need be."""
        found = self._live.get(key)
        if found is not None:
            return found
        if (packed := self._packed.pop(key, None)) is not None:
            return self._unpack(key, decode(packed))
        made = self._live[key] = Service(self._table.take(), {})
        return made

    def forgets(self, service: Service, name: str, time: float) -> bool:
        """Whether a record would make rows new: those before it in its batch must be scored first."""
        if not service.instances:
            return False
        if time > service.newest and time - service.pruned >= self._forget / 8:
            return True
        found = service.instances.get(name)
        return found is not None and time - found.time > self._forget

    def instance(self, service: Service, name: str, time: float) -> Instance:
        """Give an instance for a record of `time`; new if never seen, or not for too long."""
        if time > service.newest:
            service.newest = time
            self._prune(service)
        found = service.instances.get(name)
        if found is None:
            found = service.instances[name] = Instance(self._instances.take(), -1.0)
        elif time - found.time > self._forget:
            self._instances.reset(found.row)
            found.time, found.started, found.cpu_seconds, found.faults = -1.0, None, None, None
        return found

    def _prune(self, service: Service) -> None:
        # By the service's own time only, so that it happens at the same record in every run.
        if service.newest - service.pruned < self._forget / 8:
            return
        service.pruned = service.newest
        gone = [n for n, i in service.instances.items() if service.newest - i.time > self._forget]
        for name in gone:
            self._instances.give_back(service.instances.pop(name).row)

    def make_room(self, records: int) -> None:
        """Before a batch: pack the longest unseen services if its records could burst the budget."""
        per_service, per_instance = self._table.bytes_per_row, self._instances.bytes_per_row
        wanted = records * (per_service + per_instance)
        used = self._table.used * per_service + self._instances.used * per_instance
        if used + wanted <= self._budget:
            return
        for key in sorted(self._live, key=lambda k: (self._live[k].newest, k)):
            service = self._live[key]
            used -= per_service + len(service.instances) * per_instance
            self._packed[key] = self._pack(service)
            self._release(key)
            metrics.EVICTIONS.inc()
            # A margin, so that not every batch has to pack.
            if used + wanted <= self._budget * 0.9:
                return

    def most_records(self) -> int:
        """Records that fit the budget at once, even if each is of a new service."""
        return max(1, int(self._budget / (self._table.bytes_per_row + self._instances.bytes_per_row)))

    def dump(self, key: Key) -> bytes | None:
        """Give the whole state of a service."""
        if key in self._live:
            return self._pack(self._live[key])
        return self._packed.get(key)

    def load(self, key: Key, state: bytes) -> None:
        """Put a state back; it stays packed until its next record.

        Raises
        ------
        ValueError
            If the bytes are not a stored service.
        """
        decode(state)
        if key in self._live:
            self._release(key)
        self._packed[key] = state

    def remove(self, key: Key) -> None:
        """Forget a service."""
        self._packed.pop(key, None)
        if key in self._live:
            self._release(key)

    def drop(self, partition: int) -> None:
        """Forget every service of a partition."""
        for key in [k for k in (*self._live, *self._packed) if k.partition == partition]:
            self.remove(key)

    def names(self) -> Iterator[Key]:
        """Give the keys of all services."""
        yield from self._live
        yield from self._packed

    def _release(self, key: Key) -> None:
        service = self._live.pop(key)
        self._table.give_back(service.row)
        for instance in service.instances.values():
            self._instances.give_back(instance.row)

    def _pack(self, service: Service) -> bytes:
        instances: Sequence[_StoredInstance] = [
            _StoredInstance(name, i.time, i.started, i.cpu_seconds, i.faults, self._instances.dump(i.row))
            for name, i in service.instances.items()
        ]
        return _encode(
            StoredService(service.newest, service.pruned, self._table.dump(service.row), list(instances))
        )

    def _unpack(self, key: Key, stored: StoredService) -> Service:
        row = self._table.take()
        self._table.load(row, stored.parts)
        service = self._live[key] = Service(row, {}, stored.newest, stored.pruned)
        for one in stored.instances:
            taken = self._instances.take()
            self._instances.load(taken, one.parts)
            service.instances[one.name] = Instance(taken, one.time, one.started, one.cpu_seconds, one.faults)
        return service
