"""Services and their instances: which rows are theirs, and their whole state in and out."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

import msgspec

from fleetleak.stream import Key
from processors.siblings import SiblingView
from processors.stored import StoredInstance, StoredService, decode, encode
from processors.table import Part, Table

# A service known for less may borrow what another one learned.
_COLD_SECONDS = 86400.0
# Room is made down to this share of the budget, so that not every batch has to make some.
_ROOMY = 0.9


class Instance(msgspec.Struct):
    """One instance: its row, and of its newest record what its next, and its siblings, are held against.

    `time` and `started` are of the newest record taken in, `seen` and `began` of the newest scored: within a
    batch they differ. `gap` lies between its two newest, seconds. `memory` and `limit` are bytes. `unit` is
    the limit that its run began with, bytes: a share of 1 in the learned models, so that a limit which moves
    does not move what they follow.
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
        """Be new, in the same row."""
        for field, empty in zip(self.__struct_fields__[1:], self.__struct_defaults__, strict=True):
            setattr(self, field, empty)


class Service(msgspec.Struct):
    """One service: its row, its instances by name, and its own time: from `begun` to `newest`."""

    row: int
    instances: dict[str, Instance]
    begun: float = 0.0
    newest: float = 0.0
    pruned: float = 0.0
    siblings: SiblingView = msgspec.field(default_factory=SiblingView)


class Services:
    """All services of the partitions owned here, within a budget of memory.

    Beyond the budget the services with the oldest newest record (ties by key) are evicted: packed to bytes,
    and unpacked at their next record. That is exact, so no output shows it. Packed services are not in the
    budget; they take their stored size.

    Not a store: what must outlive the process is dumped, and kept by the caller.

    Parameters
    ----------
    service_parts, instance_parts
        What has a row per service and per instance.
    budget_bytes
        Of rows in use. Between two calls of `make_room` the rows of one batch may come on top.
    forget_seconds
        An instance whose own records have a longer gap starts new. One that is so far behind its service's
        newest record is pruned, which shows only if it then goes on where it stopped (an agent that was cut
        off for so long, and kept its snapshots): it starts new there.
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
            service.begun = service.begun or time
            service.newest = time
            self._prune(service)
        found = service.instances.get(name)
        if found is None:
            found = service.instances[name] = Instance(self._instances.take())
        elif time - found.time > self._forget:
            self._instances.reset(found.row)
            found.forget()
        return found

    def _prune(self, service: Service) -> None:
        # By the service's own time only, so that it happens at the same record in every run.
        if service.newest - service.pruned < self._forget / 8:
            return
        service.pruned = service.newest
        gone = [n for n, i in service.instances.items() if service.newest - i.time > self._forget]
        for name in gone:
            self._instances.give_back(service.instances.pop(name).row)

    @property
    def bytes_in_use(self) -> float:
        """Memory of all rows taken."""
        return self._table.bytes_in_use + self._instances.bytes_in_use

    def make_room(self, records: int) -> int:
        """Before a batch: evict the longest unseen services if its records could burst the budget.

        Returns
        -------
        How many were evicted.
        """
        evicted, wanted = 0, records * (self._table.bytes_per_row + self._instances.bytes_per_row)
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
        """Records that fit the budget at once, even if each is of a new service."""
        return max(1, int(self._budget / (self._table.bytes_per_row + self._instances.bytes_per_row)))

    def dump(self, key: Key) -> bytes | None:
        """Give the whole state of a service."""
        if key in self._live:
            return self._pack(self._live[key])
        return self._packed.get(key)

    def load(self, key: Key, state: bytes) -> None:
        """Put back what `dump` or `evict` gave; it stays packed until the service's next record.

        A part that cannot read its own state then starts new, counted.

        Raises
        ------
        ValueError
            If the bytes are not a stored service; nothing has changed then.
        """
        decode(state)
        self.remove(key)
        self._packed[key] = state

    def lend(self, key: Key, state: bytes, adapt: Callable[[dict[str, bytes]], dict[str, bytes]]) -> bool:
        """Give a cold service what is shared in another one's state; say whether it was cold.

        Parameters
        ----------
        adapt
            Takes out of the lender's parts what is not to be lent.

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
        """Take the exact state of a service out of here: `load` puts it back as if nothing had happened.

        Raises
        ------
        KeyError
            If the service is not here.
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
