"""Services and their instances: which rows they own, and how their whole state is taken out and put back."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

import msgspec

from fleetleak.stream import Key
from processors.siblings import SiblingView
from processors.stored import StoredInstance, StoredService, decode, encode
from processors.table import Part, Table

# A service that is known for less may borrow what another one has learned.
_COLD_SECONDS = 86400.0
# Evictions go down to this share of the budget, so that not every batch has to evict.
_ROOMY = 0.9


class Instance(msgspec.Struct):
    """One instance: its row, and what the next record and the siblings need to know of its newest record.

    `time` and `started` are of the newest admitted record, `seen` and `began` of the newest scored record.
    The two differ within a batch. `gap` is the time between its two newest records, in seconds. `memory` and
    `limit` are bytes. `unit` is the limit at the start of its run, in bytes: a share of 1 in the learned
    models. So the models do not move when the limit moves.
    """

    row: int
    time: float = -1.0
    started: float | None = None
    cpu_seconds: float | None = None
    faults: int | None = None
    pressure: float | None = None
    gap: float = 0.0
    seen: float = -1.0
    began: float | None = None
    version: str | None = None
    memory: float = 0.0
    limit: int = 0
    unit: int = 0
    suspected: bool = False

    def forget(self) -> None:
        """Become new, in the same row."""
        for field, empty in zip(self.__struct_fields__[1:], self.__struct_defaults__, strict=True):
            setattr(self, field, empty)


class Service(msgspec.Struct):
    """One service: its row, its instances by name, and its event time, from `begun` to `newest`."""

    row: int
    instances: dict[str, Instance]
    begun: float = 0.0
    newest: float = 0.0
    pruned: float = 0.0
    siblings: SiblingView = msgspec.field(default_factory=SiblingView)


class Services:
    """All services of the partitions that this process owns, within a memory budget.

    Beyond the budget, services are evicted: packed to bytes, and unpacked at their next record. The service
    whose newest record is oldest goes first; ties are broken by key. Packing is exact, so no output shows it.
    Packed services do not count against the budget; they take their stored size.

    This is not a store: the caller keeps what must outlive the process (`dump`, `load`).

    Parameters
    ----------
    service_parts, instance_parts
        What has a row per service and per instance.
    budget_bytes
        Budget of the rows in use. Between two calls of `make_room` the rows of one batch may come on top.
    forget_seconds
        An instance starts new after a longer gap between its own records. An instance that is so far behind
        the newest record of its service is pruned. This shows only if the instance then goes on where it
        stopped (an agent that was cut off for so long, and kept its snapshots): it starts new there.
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
        """Return a service; a new one where there is none, unpacked where it is packed."""
        live = self._live.get(key)
        if live is not None:
            return live
        if (packed := self._packed.pop(key, None)) is not None:
            return self._unpack(key, decode(packed))
        made = self._live[key] = Service(self._table.take(), {})
        return made

    def forgets(self, service: Service, name: str, time: float) -> bool:
        """Return whether a record would make rows new, so that the records before it must be scored first."""
        if not service.instances:
            return False
        if time > service.newest and time - service.pruned >= self._forget / 8:
            return True
        instance = service.instances.get(name)
        return instance is not None and time - instance.time > self._forget

    def instance(self, service: Service, name: str, time: float) -> Instance:
        """Return an instance for a record of `time`; new where it is unknown, or was silent for too long."""
        if time > service.newest:
            service.begun = service.begun or time
            service.newest = time
            self.prune(service)
        instance = service.instances.get(name)
        if instance is None:
            instance = service.instances[name] = Instance(self._instances.take())
        elif time - instance.time > self._forget:
            self._instances.reset(instance.row)
            instance.forget()
        return instance

    def prune(self, service: Service) -> None:
        """Remove the instances that are too far behind the newest record of their service.

        This depends on the event time of the service alone, so a replay prunes at the same record.
        """
        if service.newest - service.pruned < self._forget / 8:
            return
        service.pruned = service.newest
        gone = [n for n, i in service.instances.items() if service.newest - i.time > self._forget]
        for name in gone:
            self._instances.give_back(service.instances.pop(name).row)

    @property
    def in_memory(self) -> Mapping[Key, Service]:
        """The services that are not packed."""
        return self._live

    @property
    def instances_in_memory(self) -> int:
        """Number of instances of these services."""
        return self._instances.used

    @property
    def service_bytes(self) -> float:
        """Memory of one service without its instances, in bytes."""
        return self._table.bytes_per_row

    @property
    def instance_bytes(self) -> float:
        """Memory of one instance, in bytes."""
        return self._instances.bytes_per_row

    @property
    def bytes_in_use(self) -> float:
        """Memory of all rows in use, in bytes."""
        return self._table.bytes_in_use + self._instances.bytes_in_use

    def make_room(self, records: int) -> int:
        """Evict services until a batch fits the budget even if each record is of a new service.

        Returns
        -------
        Number of services evicted.
        """
        evicted, wanted = 0, records * (self.service_bytes + self.instance_bytes)
        if self.bytes_in_use + wanted <= self._budget:
            return evicted
        unseen = [(service.newest, key) for key, service in self._live.items()]
        heapq.heapify(unseen)
        while unseen and self.bytes_in_use + wanted > self._budget * _ROOMY:
            _, key = heapq.heappop(unseen)
            self._packed[key] = self.evict(key)
            evicted += 1
        return evicted

    def most_records(self) -> int:
        """Return how many records fit the budget at once, even if each is of a new service; at least 1."""
        return max(1, int(self._budget / (self.service_bytes + self.instance_bytes)))

    def dump(self, key: Key) -> bytes | None:
        """Return the whole state of a service; None if it is not known."""
        if key in self._live:
            return self._pack(self._live[key])
        return self._packed.get(key)

    def load(self, key: Key, state: bytes) -> None:
        """Put back what `dump` or `evict` returned. It stays packed until the next record of the service.

        A part that cannot read its own state then starts new, and is counted.

        Raises
        ------
        ValueError
            If the bytes are not a stored service; nothing has changed then.
        """
        decode(state)
        self.remove(key)
        self._packed[key] = state

    def lend(self, key: Key, state: bytes, adapt: Callable[[dict[str, bytes]], dict[str, bytes]]) -> bool:
        """Lend the parts of another service to a cold one; return whether it was cold.

        Parameters
        ----------
        state
            A stored service: the lender.
        adapt
            Returns the lender's parts without what it must not lend.

        Raises
        ------
        ValueError
            If the bytes are not a stored service; nothing has changed then.
        """
        lender, own = decode(state), self.dump(key)
        borrower = StoredService(0.0, 0.0, 0.0, {}, [], SiblingView()) if own is None else decode(own)
        if borrower.newest - borrower.begun >= _COLD_SECONDS:
            return False
        borrower.parts = adapt(lender.parts)
        self.remove(key)
        self._packed[key] = encode(borrower)
        return True

    def evict(self, key: Key) -> bytes:
        """Remove a service and return its exact state; after `load` it goes on as if it had stayed.

        Raises
        ------
        KeyError
            If the service is not known.
        """
        if key in self._packed:
            return self._packed.pop(key)
        state = self._pack(self._live[key])
        self._release(key)
        return state

    def remove(self, key: Key) -> None:
        """Forget a service."""
        self._packed.pop(key, None)
        if key in self._live:
            self._release(key)

    def drop(self, partition: int) -> None:
        """Forget every service of a partition."""
        for key in [k for k in (*self._live, *self._packed) if k.partition == partition]:
            self.remove(key)

    def _release(self, key: Key) -> None:
        service = self._live.pop(key)
        self._table.give_back(service.row)
        for instance in service.instances.values():
            self._instances.give_back(instance.row)

    def _pack(self, service: Service) -> bytes:
        instances = [
            StoredInstance(
                name, i.time, i.started, i.cpu_seconds, i.faults, i.pressure, i.gap, i.version, i.memory,
                i.limit, i.unit, i.suspected, self._instances.dump(i.row),
            )
            for name, i in service.instances.items()
        ]  # fmt: skip
        parts = self._table.dump(service.row)
        whole = StoredService(
            service.begun, service.newest, service.pruned, parts, instances, service.siblings
        )
        return encode(whole)

    def _unpack(self, key: Key, stored: StoredService) -> Service:
        row = self._table.take()
        self._table.load(row, stored.parts)
        service = self._live[key] = Service(
            row, {}, stored.begun, stored.newest, stored.pruned, stored.siblings
        )
        for one in stored.instances:
            taken = self._instances.take()
            self._instances.load(taken, one.parts)
            service.instances[one.name] = Instance(
                taken, one.time, one.started, one.cpu_seconds, one.faults, one.pressure, one.gap, one.time,
                one.started, one.version, one.memory, one.limit, one.unit, one.suspected,
            )  # fmt: skip
        return service
