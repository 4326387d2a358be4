"""Placing: which snapshots are scored, where their state is, and what changed since the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fleetleak.observe import metrics
from fleetleak.stream import Applied, Key
from fleetleak.stream.records import Records
from processors.columns import Flags, Floats, Rows
from processors.decode.decoder import Decoded
from processors.decode.identities import INSTANCE_AT
from processors.decode.prefix import Names
from processors.decode.sizes import Sizes, sizes
from processors.decode.snapshots import Ints, Snapshots
from processors.place.forgetting import first_that_forgets, firsts_that_forget
from processors.place.placed import Placed
from processors.place.previous import Previous
from processors.place.rates import is_new_run, rate
from processors.place.services import Services


class Placing:
    """Finds the rows of snapshots, and drops late and duplicate ones.

    A snapshot must be newer than the newest one of its instance, by event time. Otherwise it was seen
    before, or it would turn the time of its instance back.

    Parameters
    ----------
    services
        Where the rows of services and instances are.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def place(self, decoded: Decoded, applied: Applied) -> tuple[Placed, Records]:
        """Return what to score, and the rest: the records from the first one on that makes rows new.

        Earlier records of its service still need those rows, so they must be scored before the rest is
        decoded again and placed. Most batches have no rest.

        Parameters
        ----------
        applied
            Takes how many were late or duplicates.
        """
        snapshots, identities = decoded.snapshots, self._identify(decoded)
        identities = self._make_way(snapshots, identities)
        end = first_that_forgets(self._services, identities, snapshots.real("timestamp"))
        if end == len(snapshots):
            return self._admit(snapshots, identities, applied), Records.empty()
        placed = self._admit(snapshots.take(np.arange(end)), identities[:end], applied)
        self._services.forget_unseen(identities[end:])
        return placed, snapshots.records[end:]

    def _make_way(self, snapshots: Snapshots, identities: Ints) -> Ints:
        """Let the first record of each service make rows new: no earlier record here needs them.

        Return the numbers of the identities. Those of instances that were forgotten are met again.
        """
        services, time = self._services, snapshots.real("timestamp")
        rows = services.identities.service.take(identities)
        for place in firsts_that_forget(services, identities, rows, time).tolist():
            mine = np.flatnonzero(rows == rows[place])
            named = dict.fromkeys(identities.take(mine).tolist())
            names = {number: services.identities.names[number] for number in named}
            instance = services.identities.instance_name(identities.item(place))
            services.forget_unseen(identities.take(mine))
            services.admit(services.in_row(rows.item(place)), instance, time.item(place))
            key = _key(snapshots, place)
            again = {number: self._meet(key, names[number]) for number in named}
            identities[mine] = [again[number] for number in identities.take(mine).tolist()]
        return identities

    def _identify(self, decoded: Decoded) -> Ints:
        """Return the numbers of the identities; strangers get one."""
        identities = decoded.identities.copy()
        keys = [_key(decoded.snapshots, at) for at in decoded.strangers]
        self._services.unpack(keys)
        for key, (at, (names, written)) in zip(keys, decoded.strangers.items(), strict=True):
            identities[at] = number = self._meet(key, names)
            if written is not None:
                self._services.identities.add_written(number, written)
        return identities

    def _meet(self, key: Key, names: Names) -> int:
        identities = self._services.identities
        if (known := identities.number(key.partition, names)) is not None:
            return known  # met a moment ago, in the same batch
        service = self._services.service(key)
        instance = self._services.instance(service, names[INSTANCE_AT])
        # A number may be used again, so the one of its newest scored record means nothing any more.
        self._services.instances.identity[instance] = -1
        return identities.add(key.partition, names, service.row, instance)

    def _admit(self, snapshots: Snapshots, identities: Ints, applied: Applied) -> Placed:
        """Return the snapshots in their places, without the late ones, and note them for the next ones."""
        rows = self._services.identities.instance.take(identities)
        previous, time = Previous(rows), snapshots.real("timestamp")
        before = previous.of(time, self._services.instances.time.take(rows))
        if (time <= before).any():
            kept = _in_time(rows, time, self._services.instances.time, applied)
            snapshots, identities = snapshots.take(kept), identities.take(kept)
            rows, time = rows.take(kept), time.take(kept)
            previous = Previous(rows)
            before = previous.of(time, self._services.instances.time.take(rows))
        return self._note(snapshots, identities, rows, previous, before)

    def _note(
        self, snapshots: Snapshots, identities: Ints, rows: Rows, previous: Previous, before: Floats
    ) -> Placed:
        met, one = self._services.identities, self._services.instances
        time, started = snapshots.real("timestamp"), snapshots.real("started")
        passed = time - before

        def rate_of(column: NDArray[Any], now: NDArray[Any]) -> Floats:
            per_second = rate(previous.of(now, column.take(rows)), now, passed)
            column[rows] = now
            return per_second

        there = started == started  # NaN where absent
        started_before = previous.newest(there, started, one.started.take(rows))
        restarted = is_new_run(before, started_before, started)
        size = sizes(snapshots, met.scope.take(identities))
        placed = Placed(
            snapshots,
            identities,
            services=met.service.take(identities),
            instances=rows,
            sizes=size,
            gap=np.where(before >= 0, passed, 0.0),
            restarted=restarted,
            units=self._units(rows, previous, size, restarted),
            load=rate_of(one.cpu_seconds, snapshots.real("cpu_seconds")),
            faults=rate_of(one.faults, snapshots.whole("faults_minor")),
            stalled=_share(rate_of(one.pressure, snapshots.real("pressure_some"))),
        )
        one.time[rows] = time
        one.started[rows[there]] = started[there]
        return placed

    def _units(self, rows: Rows, previous: Previous, size: Sizes, restarted: Flags) -> Ints:
        """Return the limit at the start of each run, and note it with the newest limit."""
        one, known = self._services.instances, size.known
        stored = one.unit.take(rows)
        begins = known & (restarted | (stored == 0) & ~previous.any_before(known))
        units = previous.newest_with_itself(begins, size.limit, stored)
        one.limit[rows[known]], one.unit[rows[known]] = size.limit[known], units[known]
        return units


def _key(snapshots: Snapshots, at: int) -> Key:
    return Key(snapshots.records.partitions[at], snapshots.records.keys[at] or b"")


def _in_time(rows: Rows, time: Floats, known: Floats, applied: Applied) -> Rows:
    """Return the places of the snapshots that are newer than all before them; count the others."""
    newest: dict[int, float] = {}
    kept = []
    for at, (row, now) in enumerate(zip(rows.tolist(), time.tolist(), strict=True)):
        before = newest.get(row, known.item(row))
        if now <= before:
            applied.count(metrics.LATE, "duplicate" if now == before else "late")
        else:
            kept.append(at)
            newest[row] = now
    return np.array(kept, dtype=np.intp)


def _share(stalled: Floats) -> Floats:
    return np.where(np.isnan(stalled), 0.0, np.minimum(stalled, 1.0))
