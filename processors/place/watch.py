"""Keeps what the siblings know of each instance, and the views of them, up to date with a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from processors.columns import Flags, Rows
from processors.place.packing import Service
from processors.place.placed import Placed
from processors.place.previous import Previous
from processors.place.services import Services
from processors.place.siblings import VIEW_SECONDS, Sibling, SiblingView


def watch(services: Services, placed: Placed, suspected: Flags, restarted: Flags) -> dict[int, SiblingView]:
    """Take a scored batch, in order; return the view at each suspected record, by its place in the batch.

    Most records change only the row of their instance, and the last one of each instance is enough. Those
    where a view changes or is asked for, or whose identity is not the one before, are taken one by one.
    """
    before = services.instances.identity.take(placed.instances)
    changed = before != placed.identities
    if changed.any():  # the identity before may come back in the same batch
        changed = Previous(placed.instances).of(placed.identities, before) != placed.identities
    due = placed.time - services.times.viewed.take(placed.services) >= VIEW_SECONDS
    news = changed | suspected | restarted
    batch = _Batch(services, placed, suspected)
    for record in _records(placed, suspected, restarted, news, np.flatnonzero(news | due)):
        batch.take(record)
    _note(services, placed, suspected, np.arange(len(placed)))
    return batch.views


class _Watched(NamedTuple):
    """One record: its place in the batch, its rows, and what the siblings know of it."""

    place: int
    service: int
    instance: int
    identity: int
    time: float
    gap: float
    started: float
    memory: float
    suspected: bool
    restarted: bool
    news: bool
    """Whether there is more to it than that a view was due before the batch."""


def _records(placed: Placed, suspected: Flags, restarted: Flags, news: Flags, at: Rows) -> Iterator[_Watched]:
    columns = (
        placed.services, placed.instances, placed.identities, placed.time, placed.gap, placed.started,
        placed.sizes.memory.astype(np.float64), suspected, restarted, news,
    )  # fmt: skip
    return map(_Watched, at.tolist(), *(column.take(at).tolist() for column in columns))


def _note(services: Services, placed: Placed, suspected: Flags, at: Rows) -> None:
    """Note the records at these places; of equal rows numpy keeps the last, which is the newest."""
    rows, one = placed.instances.take(at), services.instances
    one.seen[rows] = placed.time.take(at)
    one.gap[rows] = placed.gap.take(at)
    one.began[rows] = placed.started.take(at)
    one.memory[rows] = placed.sizes.memory.take(at)
    one.suspected[rows] = suspected.take(at)
    one.identity[rows] = placed.identities.take(at)


class _Batch:
    """Takes records of a batch one by one.

    Attributes
    ----------
    views
        The view at each suspected record, by its place.
    """

    def __init__(self, services: Services, placed: Placed, suspected: Flags) -> None:
        self.views: dict[int, SiblingView] = {}
        self._services = services
        self._placed = placed
        self._suspected = suspected
        self._met: set[int] = set()

    def take(self, one: _Watched) -> None:
        """Take a record."""
        services = self._services
        viewed = services.times.viewed
        due = one.time - viewed.item(one.service) >= VIEW_SECONDS
        if not (due or one.news):
            return
        service = services.in_row(one.service)
        if one.news:
            self._take_news(service, one)
        if due:
            self._look(service, one)
            viewed[one.service] = one.time
        if one.suspected:
            self.views[one.place] = service.siblings.copy()

    def _take_news(self, service: Service, one: _Watched) -> None:
        self._services.instances.versions[one.instance] = self._services.identities.version(one.identity)
        is_new = self._is_new(one.instance)  # in any case, because it notes the row
        if is_new or one.restarted:
            service.siblings.runs += 1

    def _is_new(self, row: int) -> bool:
        """Return whether a row had no scored record before; once for each row."""
        new = row not in self._met and self._services.instances.seen.item(row) < 0
        self._met.add(row)
        return new

    def _look(self, service: Service, one: _Watched) -> None:
        """Renew the view from the instances, each as of its newest record up to this one."""
        if len(service.instances) == 1:
            version = self._services.instances.versions[one.instance]
            service.siblings.look_at(
                Sibling(one.time, one.gap, one.started, one.memory, one.suspected, version)
            )
            return
        mine = np.flatnonzero(self._placed.services[: one.place + 1] == one.service)
        _note(self._services, self._placed, self._suspected, mine)
        service.siblings.look(one.time, siblings(self._services, service))


def siblings(services: Services, service: Service) -> list[Sibling]:
    """Return the instances of a service, each as of its newest scored record."""
    one = services.instances
    rows = np.fromiter(service.instances.values(), np.intp, len(service.instances))
    columns = (one.seen, one.gap, one.began, one.memory, one.suspected)
    versions = [one.versions[row] for row in rows.tolist()]
    return list(map(Sibling, *(column.take(rows).tolist() for column in columns), versions))
