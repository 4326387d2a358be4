"""Services and their instances: which rows they own, and which of them are packed."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence

from fleetleak.stream import Key
from processors.decode.identities import Identities
from processors.decode.snapshots import Ints
from processors.place.instances import Instances, ServiceTimes
from processors.place.packing import Packing, Service
from processors.place.siblings import SiblingView
from processors.place.stored import StoredService, decode, encode
from processors.place.table import FIRST_ROWS, Part, Table

# A service that is known for less may borrow what another one has learned.
_COLD_SECONDS = 86400.0
# Evictions go down to this share of the budget, so that not every batch has to evict.
_ROOMY = 0.9
# A service looks for silent instances this many times in the time after which they are forgotten.
_PRUNES = 8


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

    Attributes
    ----------
    instances, times
        Columns with the rows of the instances and of the services.
    identities
        The identities that were met in records.
    """

    def __init__(
        self,
        service_parts: Mapping[str, Part],
        instance_parts: Mapping[str, Part],
        budget_bytes: float,
        forget_seconds: float,
    ) -> None:
        self.instances = Instances(FIRST_ROWS)
        self.times = ServiceTimes(FIRST_ROWS)
        self.identities = Identities()
        self._service_rows = Table(service_parts, self.times)
        self._instance_rows = Table(instance_parts, self.instances)
        self._budget = budget_bytes
        self.forget_seconds = forget_seconds
        self._live: dict[Key, Service] = {}
        self._packing = Packing(self._service_rows, self.times, self._instance_rows, self.instances)
        self._by_row: dict[int, Service] = {}
        self._packed: dict[Key, bytes] = {}

    def __len__(self) -> int:
        return len(self._live) + len(self._packed)

    def service(self, key: Key) -> Service:
        """Return a service; a new one where there is none, unpacked where it is packed."""
        if key in self._packed:
            self.unpack((key,))
        live = self._live.get(key)
        return self._hold(key, Service(self._service_rows.take(), {})) if live is None else live

    def unpack(self, keys: Iterable[Key]) -> None:
        """Unpack the services among these that are packed, all at once."""
        packed = {key: state for key in keys if (state := self._packed.pop(key, None)) is not None}
        for key, service in zip(packed, self._packing.unpack(list(packed.values())), strict=True):
            self._hold(key, service)

    def in_row(self, row: int) -> Service:
        """Return the service that owns a row."""
        return self._by_row[row]

    def instance(self, service: Service, name: str) -> int:
        """Return the row of an instance; a new one where it is unknown."""
        row = service.instances.get(name)
        if row is None:
            row = service.instances[name] = self._instance_rows.take()
        return row

    @property
    def prune_seconds(self) -> float:
        """How often a service looks for instances to prune, in its own event time."""
        return self.forget_seconds / _PRUNES

    def silent(self, service: Service, time: float, newer: Mapping[int, float]) -> list[str]:
        """Return the instances that are too far behind `time`, the newest event time of their service.

        Parameters
        ----------
        newer
            Times of the newest records of instances that have newer ones than their row says.
        """
        at = self.instances.time.item
        gone = []
        for name, row in service.instances.items():
            seen = newer.get(row, at(row))
            if seen >= 0 and time - seen > self.forget_seconds:
                gone.append(name)
        return gone

    def see(self, row: int, time: float) -> bool:
        """Move the event time of the service in a row; return whether a prune is due, and note it as done."""
        times = self.times
        if time <= times.newest[row]:
            return False
        times.begun[row] = times.begun[row] or time
        times.newest[row] = time
        due = bool(time - times.pruned[row] >= self.prune_seconds)
        if due:
            times.pruned[row] = time
        return due

    def admit(self, service: Service, name: str, time: float) -> None:
        """Make way for a record: prune its service if that is due, and make its instance new after a gap.

        This depends on the event time of the service alone, so a replay prunes at the same record.
        """
        if self.see(service.row, time):
            for gone in self.silent(service, time, {}):
                self._forget(service, gone)
        at = service.instances.get(name)
        if at is not None and time - self.instances.time[at] > self.forget_seconds:
            self._instance_rows.reset(at)

    def forget_unseen(self, identities: Ints) -> None:
        """Forget the instances of these identities that have no admitted record.

        They are met again at their first record. An instance that is pruned and met again before that record
        must come before them: the order of instances is stored.
        """
        met = self.identities
        unseen = identities[self.instances.time.take(met.instance.take(identities)) < 0].tolist()
        for row, name in dict.fromkeys((met.service.item(one), met.instance_name(one)) for one in unseen):
            self._forget(self.in_row(row), name)

    @property
    def in_memory(self) -> Mapping[Key, Service]:
        """The services that are not packed."""
        return self._live

    @property
    def instances_in_memory(self) -> int:
        """Number of instances of these services."""
        return self._instance_rows.used

    @property
    def service_bytes(self) -> float:
        """Memory of one service without its instances, in bytes."""
        return self._service_rows.bytes_per_row

    @property
    def instance_bytes(self) -> float:
        """Memory of one instance, in bytes; with the texts of its identities, on average."""
        texts = self.identities.text_bytes / max(1, self._instance_rows.used)
        return self._instance_rows.bytes_per_row + texts

    @property
    def bytes_in_use(self) -> float:
        """Memory of all rows in use, and of the texts of identities, in bytes."""
        return self._bytes_without(0, 0)

    def make_room(self, records: int) -> int:
        """Evict services until a batch fits the budget even if each record is of a new service.

        Returns
        -------
        Number of services evicted.
        """
        wanted = records * (self.service_bytes + self.instance_bytes)
        if self.bytes_in_use + wanted <= self._budget:
            return 0
        newest = self.times.newest.item
        unseen = [(newest(service.row), key) for key, service in self._live.items()]
        heapq.heapify(unseen)
        gone: list[Key] = []
        instances = 0
        while unseen and self._bytes_without(len(gone), instances) + wanted > self._budget * _ROOMY:
            _, key = heapq.heappop(unseen)
            gone.append(key)
            instances += len(self._live[key].instances)
        for key, state in zip(gone, self._packing.pack([self._live[key] for key in gone]), strict=True):
            self._release(key)
            self._packed[key] = state
        return len(gone)

    def _bytes_without(self, services: int, instances: int) -> float:
        """Return the memory of the rows in use without so many services and instances, in bytes."""
        kept = self._service_rows.used - services, self._instance_rows.used - instances
        return kept[0] * self.service_bytes + kept[1] * self.instance_bytes

    def most_records(self) -> int:
        """Return how many records fit the budget at once, even if each is of a new service; at least 1."""
        return max(1, int(self._budget / (self.service_bytes + self.instance_bytes)))

    def dump_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Return the whole state of each service, in their order; None for one that is not known."""
        live = [key for key in keys if key in self._live]
        states = dict(zip(live, self._packing.pack([self._live[key] for key in live]), strict=True))
        return [states[key] if key in states else self._packed.get(key) for key in keys]

    def dump(self, key: Key) -> bytes | None:
        """Return the whole state of a service; None if it is not known."""
        return self.dump_many([key])[0]

    def load(self, key: Key, state: bytes) -> None:
        """Put back what `dump` returned. It stays packed until the next record of the service.

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

    def remove(self, key: Key) -> None:
        """Forget a service."""
        self._packed.pop(key, None)
        if key in self._live:
            self._release(key)

    def drop(self, partition: int) -> None:
        """Forget every service of a partition."""
        for key in [k for k in (*self._live, *self._packed) if k.partition == partition]:
            self.remove(key)

    def _hold(self, key: Key, service: Service) -> Service:
        self._live[key] = self._by_row[service.row] = service
        return service

    def _release(self, key: Key) -> None:
        service = self._live.pop(key)
        del self._by_row[service.row]
        self._service_rows.give_back(service.row)
        for row in service.instances.values():
            self._release_instance(row)

    def _forget(self, service: Service, name: str) -> None:
        self._release_instance(service.instances.pop(name))

    def _release_instance(self, row: int) -> None:
        self.identities.forget(row)
        self._instance_rows.give_back(row)
