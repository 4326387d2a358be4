"""Which record of a batch makes rows new that earlier records of the batch still need."""

from __future__ import annotations

import numpy as np

from processors.columns import Floats, Rows
from processors.decode.snapshots import Ints
from processors.place.previous import Previous
from processors.place.services import Services

_NONE: Rows = np.empty(0, np.intp)


def first_that_forgets(services: Services, identities: Ints, time: Floats) -> int:
    """Return the place of the first record that makes rows new; the number of records if none does.

    The first record of a service does not: its rows were made new before (`firsts_that_forget`). The event
    times of the services move up to the record before the returned place.

    Parameters
    ----------
    identities, time
        Numbers of the identities, and event times in unix seconds; shape `(B,)`.
    """
    if not len(time):
        return 0
    met, times = services.identities, services.times
    rows = met.service.take(identities)
    careful = _may_forget(services, met.instance.take(identities), rows, time)
    end = len(time)
    if len(careful):
        end = _one_by_one(services, identities, time, np.flatnonzero(np.isin(rows, careful)))
    np.maximum.at(times.newest, rows[:end], time[:end])
    return end


def firsts_that_forget(services: Services, identities: Ints, rows: Rows, time: Floats) -> Rows:
    """Return the places of the records that make rows new and are the first of their service in the batch.

    Parameters
    ----------
    identities, rows, time
        Numbers of the identities, rows of the services, and event times in unix seconds; shape `(B,)`.
    """
    times = services.times
    due = (time > times.newest.take(rows)) & (time - times.pruned.take(rows) >= services.prune_seconds)
    seen = services.instances.time.take(services.identities.instance.take(identities))
    forgets = (seen >= 0) & (time - seen > services.forget_seconds)
    if not (due | forgets).any():
        return _NONE
    _, first = np.unique(rows, return_index=True)
    for place in first[due[first] & ~forgets[first]].tolist():
        service = services.in_row(rows.item(place))
        forgets[place] = bool(services.silent(service, time.item(place), {}))
    return first[forgets[first]]


def _may_forget(services: Services, instances: Rows, rows: Rows, time: Floats) -> Rows:
    """Return the rows of the services that may prune, or that may have an instance after a long gap."""
    times = services.times
    begun, pruned = times.begun.take(rows), times.pruned.take(rows)
    may = (begun == 0) | (time - pruned >= services.prune_seconds)
    seen = services.instances.time.take(instances)
    oldest = np.minimum(np.where(seen >= 0, seen, time), time).min()
    if time.max() - oldest > services.forget_seconds:
        before = Previous(instances).of(time, seen)
        may |= (before >= 0) & (time - before > services.forget_seconds)
    return np.unique(rows[may]) if may.any() else _NONE


def _one_by_one(services: Services, identities: Ints, time: Floats, at: Rows) -> int:
    """Go through the records at these places as `Services.admit` would; stop where it makes rows new."""
    met, times = services.identities, services.times
    newest: dict[int, float] = {}
    place: int
    for place in at.tolist():
        number, now = int(identities[place]), time.item(place)
        row, instance = met.service.item(number), met.instance.item(number)
        if now > times.newest[row]:
            due = now - times.pruned[row] >= services.prune_seconds
            if due and services.silent(services.in_row(row), now, newest):
                return place
        before = newest.get(instance, services.instances.time.item(instance))
        if before >= 0 and now - before > services.forget_seconds:
            return place
        services.see(row, now)
        newest[instance] = max(before, now)
    return len(time)
