"""Keeps what the siblings know of each instance, and the views of them, up to date with a batch."""

from __future__ import annotations

import copy

import numpy as np

from processors.columns import Flags, Rows
from processors.place.placed import Placed
from processors.place.services import Service, Services
from processors.place.siblings import VIEW_SECONDS, Sibling, SiblingView


def watch(services: Services, placed: Placed, suspected: Flags, restarted: Flags) -> dict[int, SiblingView]:
    """Take a scored batch, in order; return the view at each suspected record, by its place in the batch.

    Most records change only the row of their instance, and the last one of each instance is enough. Those
    where a view changes or is asked for, or that another identity wrote, are taken one by one.
    """
    changed = services.instances.identity.take(placed.instances) != placed.identities
    due = placed.time - services.times.viewed.take(placed.services) >= VIEW_SECONDS
    batch = _Batch(services, placed, suspected, restarted)
    for place in np.flatnonzero(changed | due | suspected | restarted).tolist():
        batch.take(place)
    _note(services, placed, suspected, np.arange(len(placed)))
    return batch.views


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

    def __init__(self, services: Services, placed: Placed, suspected: Flags, restarted: Flags) -> None:
        self.views: dict[int, SiblingView] = {}
        self._services = services
        self._placed = placed
        self._suspected = suspected
        self._restarted = restarted
        self._met: set[int] = set()

    def take(self, place: int) -> None:
        """Take the record at a place of the batch."""
        placed, one, times = self._placed, self._services.instances, self._services.times
        row, service = placed.instances.item(place), self._services.in_row(placed.services.item(place))
        one.versions[row] = self._services.identities.version(placed.identities.item(place))
        if self._restarted[place] or self._is_new(row):
            service.siblings.runs += 1
        time = placed.time.item(place)
        if time - times.viewed.item(service.row) >= VIEW_SECONDS:
            service.siblings.look(time, self._siblings(service, place))
            times.viewed[service.row] = time
        if self._suspected[place]:
            self.views[place] = copy.deepcopy(service.siblings)

    def _is_new(self, row: int) -> bool:
        """Return whether a row had no scored record before; once for each row."""
        new = row not in self._met and self._services.instances.seen.item(row) < 0
        self._met.add(row)
        return new

    def _siblings(self, service: Service, place: int) -> list[Sibling]:
        """Return the instances of a service, each as of its newest record up to a place of the batch."""
        placed = self._placed
        if len(service.instances) == 1:
            version = self._services.identities.version(placed.identities.item(place))
            return [
                Sibling(
                    placed.time.item(place),
                    placed.gap.item(place),
                    placed.started.item(place),
                    float(placed.sizes.memory.item(place)),
                    self._suspected.item(place),
                    version,
                )
            ]
        mine = np.flatnonzero(placed.services[: place + 1] == service.row)
        _note(self._services, placed, self._suspected, mine)
        return siblings(self._services, service)


def siblings(services: Services, service: Service) -> list[Sibling]:
    """Return the instances of a service, each as of its newest scored record."""
    one = services.instances
    rows = np.fromiter(service.instances.values(), np.intp, len(service.instances))
    columns = (one.seen, one.gap, one.began, one.memory, one.suspected)
    versions = [one.versions[row] for row in rows.tolist()]
    return list(map(Sibling, *(column.take(rows).tolist() for column in columns), versions))
