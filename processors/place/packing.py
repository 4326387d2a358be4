"""Packing: from the rows of services to their stored state, and back; many services at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from processors.columns import Floats, Rows
from processors.place.instances import Instances, ServiceTimes
from processors.place.siblings import SiblingView
from processors.place.stored import StoredInstance, StoredService, encode, reopen
from processors.place.table import Table

# Services of one pass over the columns. Of more, the columns would not stay in the processor's cache.
_AT_ONCE = 128


class Service(msgspec.Struct, gc=False):
    """One service: its row, the rows of its instances by name, and the view of them together."""

    row: int
    instances: dict[str, int]
    siblings: SiblingView = msgspec.field(default_factory=SiblingView)


T = TypeVar("T")
R = TypeVar("R")


class Packing:
    """Packs services to bytes, and unpacks them into rows.

    Parameters
    ----------
    service_rows, times
        The rows of services.
    instance_rows, instances
        The rows of instances.
    """

    def __init__(
        self, service_rows: Table, times: ServiceTimes, instance_rows: Table, instances: Instances
    ) -> None:
        self._service_rows = service_rows
        self._times = times
        self._instance_rows = instance_rows
        self._instances = instances

    def pack(self, services: Sequence[Service]) -> list[bytes]:
        """Return the whole state of each service; its rows stay as they are."""
        return _in_pieces(self._pack, services)

    def unpack(self, states: Sequence[bytes]) -> list[Service]:
        """Return the service of each packed state, in new rows."""
        for rows in (self._service_rows, self._instance_rows):
            rows.reserve(len(states))
        return _in_pieces(self._unpack, states)

    def _pack(self, services: Sequence[Service]) -> list[bytes]:
        rows, times = _rows(service.row for service in services), self._times
        instances = iter(self._stored([one for service in services for one in service.instances.items()]))
        whole = zip(
            times.begun[rows].tolist(), times.newest[rows].tolist(), times.pruned[rows].tolist(),
            self._service_rows.dump_many(rows), services, strict=True,
        )  # fmt: skip
        return [
            encode(StoredService(
                begun, newest, pruned, parts, [next(instances) for _ in service.instances], service.siblings
            ))
            for begun, newest, pruned, parts, service in whole
        ]  # fmt: skip

    def _stored(self, named: Sequence[tuple[str, int]]) -> list[StoredInstance]:
        one, rows = self._instances, _rows(row for _, row in named)
        columns = zip(
            (name for name, _ in named), one.time[rows].tolist(), _or_none(one.started[rows]),
            _or_none(one.cpu_seconds[rows]), one.faults[rows].tolist(), _or_none(one.pressure[rows]),
            one.gap[rows].tolist(), (one.versions[row] for _, row in named), one.memory[rows].tolist(),
            one.limit[rows].tolist(), one.unit[rows].tolist(), one.suspected[rows].tolist(),
            self._instance_rows.dump_many(rows), self._scored(rows), strict=True,
        )  # fmt: skip
        return [
            StoredInstance(name, time, started, cpu, None if faults < 0 else faults, *rest)
            for name, time, started, cpu, faults, *rest in columns
        ]

    def _scored(self, rows: Rows) -> list[tuple[float, float | None] | None]:
        """Return time and start of the newest scored records, where they are not those of the newest ones."""
        one = self._instances
        seen, began, started = one.seen[rows], one.began[rows], one.started[rows]
        same = (seen == one.time[rows]) & ((began == started) | np.isnan(began) & np.isnan(started))
        scored = zip(same.tolist(), seen.tolist(), _or_none(began), strict=True)
        return [None if is_same else (at, begin) for is_same, at, begin in scored]

    def _unpack(self, states: Sequence[bytes]) -> list[Service]:
        stored = [reopen(state) for state in states]
        rows, times = _rows(self._service_rows.take() for _ in stored), self._times
        self._service_rows.load_many(rows, [one.parts for one in stored])
        times.begun[rows] = [one.begun for one in stored]
        times.newest[rows] = [one.newest for one in stored]
        times.pruned[rows] = [one.pruned for one in stored]
        times.viewed[rows] = [one.siblings.viewed for one in stored]
        instances = iter(self._unpack_instances([one for service in stored for one in service.instances]))
        return [
            Service(row, {instance.name: next(instances) for instance in one.instances}, one.siblings)
            for row, one in zip(rows.tolist(), stored, strict=True)
        ]

    def _unpack_instances(self, stored: Sequence[StoredInstance]) -> list[int]:
        rows, one = _rows(self._instance_rows.take() for _ in stored), self._instances
        self._instance_rows.load_many(rows, [instance.parts for instance in stored])
        one.time[rows] = one.seen[rows] = [instance.time for instance in stored]
        one.started[rows] = one.began[rows] = _or_nan(instance.started for instance in stored)
        one.cpu_seconds[rows] = _or_nan(instance.cpu_seconds for instance in stored)
        one.pressure[rows] = _or_nan(instance.pressure for instance in stored)
        one.faults[rows] = [-1 if instance.faults is None else instance.faults for instance in stored]
        one.gap[rows] = [instance.gap for instance in stored]
        one.memory[rows] = [instance.memory for instance in stored]
        one.limit[rows] = [instance.limit for instance in stored]
        one.unit[rows] = [instance.unit for instance in stored]
        one.suspected[rows] = [instance.suspected for instance in stored]
        for row, instance in zip(rows.tolist(), stored, strict=True):
            one.versions[row] = instance.version
            if instance.scored is not None:
                one.seen[row], began = instance.scored
                one.began[row] = math.nan if began is None else began
        numbers: list[int] = rows.tolist()
        return numbers


def _in_pieces(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> list[R]:
    return [one for at in range(0, len(items), _AT_ONCE) for one in work(items[at : at + _AT_ONCE])]


def _rows(rows: Iterable[int]) -> Rows:
    return np.fromiter(rows, np.intp)


def _or_none(numbers: Floats) -> list[float | None]:
    return [None if number != number else number for number in numbers.tolist()]


def _or_nan(numbers: Iterable[float | None]) -> Floats:
    return np.array([math.nan if number is None else number for number in numbers])
