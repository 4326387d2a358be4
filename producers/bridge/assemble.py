"""The role that puts readings together: one snapshot for each instance and time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from fleetleak.observe import metrics
from fleetleak.records import Reading, Snapshot, Unreadable, encode_finite
from fleetleak.records.memory import growable
from fleetleak.stream.emit import Emit
from fleetleak.stream.keyed import Keyed
from producers.bridge.index import BESIDE, RUN
from producers.bridge.presets import PRESETS, RANKS
from producers.bridge.state import (
    HOLD_SECONDS,
    JOINED_SECONDS,
    MOST_INSIDE,
    MOST_MOMENTS,
    MOST_PARTS,
    Member,
    MemberKey,
    Moment,
    Part,
    Thing,
)
from producers.names import fit
from producers.prometheus.fields import OOM_KILLS, fitted, snapshot
from producers.prometheus.preset import Identity, of_cluster
from producers.prometheus.runs import Run
from producers.prometheus.series import FORGET_SECONDS

LATE, FUTURE, REPEATED, NAMELESS, IMPOSSIBLE, SECOND, TOO_MANY, UNATTRIBUTED = (
    "late", "future", "repeated", "nameless", "impossible", "second-source", "too-many", "unattributed",
)  # fmt: skip
"""Why something is no part of a snapshot: it came after its snapshot; its clock is ahead; another one had its
values; its labels name nothing; its values contradict each other; a better preset measures the same; its
thing has too many parts, or too many moments that wait; it is not known what is inside the host."""

# After so long without a reading, what still waits is published.
_SILENT_SECONDS = 300.0
# The memory of what is inside a host counts so long; a host of which nothing was told for longer is empty.
_INSIDE_SECONDS = 600.0
_EMPTY_SECONDS = 6 * 3600.0
_FRESH_SECONDS = 1800.0
# A host is told of what is inside it so often, and when it changes by this share.
_TELL_SECONDS = 120.0
_TELL_SHARE = 0.01
_BY_NAME = {preset.name: preset for preset in PRESETS}
_KEEPS = sorted({name for preset in PRESETS for info in preset.infos for name in info.keeps})
_AGREE = sorted({name for preset in PRESETS for info in preset.infos for name in info.agree})


class Assemble(Keyed[Reading, Thing]):
    """One state per thing: a pod, a host, a container or a process.

    Readings of one instance and time wait for each other: the snapshot is made when memory of the same
    instance comes that is `wait_seconds` newer, by the times in them. Only the end of a thing is told by the
    partition's clock.

    Parameters
    ----------
    snapshots, readings
        Topics: where snapshots go, and where a host is told what is inside it.
    future_seconds
        A reading that is so far ahead of its record is left out.
    """

    NAME = "bridge-snapshots"
    RECORD = Reading
    STATE = Thing

    def __init__(self, snapshots: str, readings: str, wait_seconds: float, future_seconds: float) -> None:
        super().__init__()
        self._snapshots = snapshots
        self._readings = readings
        self._wait = wait_seconds
        self._future = future_seconds

    def step(self, state: Thing | None, record: Reading, emit: Emit) -> Thing | None:
        """Take one reading; publish what need not wait any more."""
        if record.thing.encode() != emit.key.name:
            raise Unreadable("wrong-key", "the key is not the thing")
        if record.says == "measured" and record.preset not in _BY_NAME:
            raise Unreadable("newer-preset", f"preset {record.preset[:50]!r} is not known: upgrade this role")
        if record.time > emit.appended + self._future:
            emit.count(metrics.NOT_ASSEMBLED, FUTURE)
            return state
        thing = state or Thing()
        thing.touched = max(thing.touched, emit.appended)
        self._sort_in(thing, record, emit)
        self._close(thing, thing.newest - max(self._wait, _SILENT_SECONDS), emit)
        waits = any(member.open for part in thing.parts.values() for member in part.members.values())
        emit.wake(thing.touched + (_SILENT_SECONDS if waits else FORGET_SECONDS))
        return thing

    def on_time(self, state: Thing, due: float, emit: Emit) -> Thing | None:
        """Publish what waits of a thing that is silent; a day later, forget it."""
        if due >= state.touched + FORGET_SECONDS:
            return None
        self._close(state, math.inf, emit)
        emit.wake(state.touched + FORGET_SECONDS)
        return state

    def _sort_in(self, thing: Thing, reading: Reading, emit: Emit) -> None:
        if reading.says == "named":
            thing.known.take(_KEEPS, _AGREE, reading.names, reading.time)
        elif reading.says == "inside":
            _note_inside(thing, reading)
        elif reading.part not in thing.parts and len(thing.parts) >= MOST_PARTS:
            emit.count(metrics.NOT_ASSEMBLED, TOO_MANY)
        elif reading.says == "joined":
            thing.parts.setdefault(reading.part, Part()).joined.take(reading.time, reading.fields)
        else:
            self._measured(thing, reading, emit)

    def _measured(self, thing: Thing, reading: Reading, emit: Emit) -> None:
        part = thing.parts.setdefault(reading.part, Part())
        key = reading.preset, reading.names.get(RUN, "")
        member = part.members.get(key)
        if member is None:
            part.forget(reading.time)
            member = part.members[key] = Member(Run(reading.time), reading.time)
        if reading.time <= member.closed:
            emit.count(metrics.NOT_ASSEMBLED, LATE)
            return
        thing.newest = max(thing.newest, reading.time)
        if not reading.fields.keys().isdisjoint(_BY_NAME[reading.preset].memory):
            member.newest = max(member.newest, reading.time)
        if not member.take(reading):
            emit.count(metrics.NOT_ASSEMBLED, REPEATED)

    def _close(self, thing: Thing, silent_until: float, emit: Emit) -> None:
        """Publish the moments that need not wait, and all up to a time at which their source was silent."""
        for name, part in thing.parts.items():
            for key, member in part.members.items():
                until = max(member.newest - self._wait, silent_until)
                while member.open and (member.open[0].time <= until or len(member.open) > MOST_MOMENTS):
                    if member.open[0].time > until:
                        emit.count(metrics.NOT_ASSEMBLED, TOO_MANY)
                    moment = member.open.pop(0)
                    member.closed = moment.time
                    if key[0] in _BY_NAME:
                        self._publish(thing, name, key, moment, emit)

    def _publish(self, thing: Thing, name: str, key: MemberKey, moment: Moment, emit: Emit) -> None:
        part, preset = thing.parts[name], _BY_NAME[key[0]]
        member = part.members[key]
        if moment.fields.keys().isdisjoint(preset.memory):
            # A scraper of its own, such as that of the CPU, has a time of its own.
            member.held.take(moment.time, moment.fields)
            return
        fields = moment.fields
        member.held.complete(moment.time, fields, HOLD_SECONDS)
        part.joined.complete(moment.time, fields, JOINED_SECONDS)
        if key[1] and OOM_KILLS in fields:
            fields[OOM_KILLS] = part.killed(key[1], fields[OOM_KILLS])
        member.run.follow(moment.time, fields)
        if _has_better(thing, name, key, moment.time):
            emit.count(metrics.NOT_ASSEMBLED, SECOND)
            return
        identity = _identity(preset.name, _items(moment.names), _items(thing.known.labels))
        if identity is None:
            emit.count(metrics.NOT_ASSEMBLED, NAMELESS)
            return
        inside = _inside(thing, moment.time) if identity.scope == "host" else 0.0
        if inside is None:
            emit.count(metrics.NOT_ASSEMBLED, UNATTRIBUTED)
            return
        preset.derive(fields)
        made, wrong = snapshot(identity, moment.time, fields, inside)
        if wrong:
            emit.count(metrics.NOT_ASSEMBLED, IMPOSSIBLE, n=len(wrong))
        emit.rekeyed(self._snapshots, made.service.encode(), encode_finite(made))
        emit.count(metrics.ASSEMBLED, preset.name)
        # Not of processes: pages that they share are in the resident memory of each. Nor of what cannot be
        # judged alone, since no limit is known: then its growth must be seen as that of its host.
        if identity.scope == "container" and made.total is not None:
            self._tell_hosts(identity, made, member, moment, emit)

    def _tell_hosts(
        self, identity: Identity, made: Snapshot, member: Member, moment: Moment, emit: Emit
    ) -> None:
        """Tell the host what an instance in it holds, under each name of the host."""
        held, (told_at, told) = growable(made) or 0, member.told
        if moment.time - told_at < _TELL_SECONDS and abs(held - told) <= _TELL_SHARE * told:
            return
        member.told = moment.time, held
        for place in identity.places:
            reading = Reading(
                thing=fit(f"host/{of_cluster(moment.names, place)}"),
                part=made.instance,
                says="inside",
                preset="inside",
                time=moment.time,
                fields={"held": float(held)},
            )
            emit.rekeyed(self._readings, reading.thing.encode(), encode_finite(reading))


def _has_better(thing: Thing, name: str, key: MemberKey, time: float) -> bool:
    """Return whether the same memory was lately measured by a preset that comes before, or in a later run.

    What stands beside the containers of a pod is in one of them.
    """
    own = thing.parts[name].members[key]
    parts = thing.parts.values() if name.startswith(BESIDE) else [thing.parts[name]]
    return any(
        abs(time - member.run.seen) <= HOLD_SECONDS
        and (_rank(other[0]), -member.begun, other[1]) < (_rank(key[0]), -own.begun, key[1])
        for part in parts
        for other, member in part.members.items()
        if member is not own and (other[0] != key[0] or part is thing.parts[name])
    )


def _rank(preset: str) -> int:
    """Return the place of a preset; the last one where an older version does not know it."""
    return RANKS.get(preset, len(RANKS))


def _items(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


# It follows from its arguments alone; it is kept because an instance has the same names at each time.
@lru_cache(100_000)
def _identity(
    preset: str, names: frozenset[tuple[str, str]], known: frozenset[tuple[str, str]]
) -> Identity | None:
    identity = _BY_NAME[preset].identify(dict(names), dict(known))
    return None if identity is None else fitted(identity)


def _note_inside(thing: Thing, reading: Reading) -> None:
    """Note the memory of what is inside a host; the oldest goes where there is too much."""
    thing.inside.pop(reading.part, None)
    thing.inside[reading.part] = reading.time, reading.fields.get("held", 0.0)
    if len(thing.inside) > MOST_INSIDE:
        del thing.inside[next(iter(thing.inside))]


def _inside(thing: Thing, time: float) -> float | None:
    """Return the memory inside a host at a time; None if it is not known.

    After an absence of a bridge, what is inside is told behind the readings that waited. So it is not known
    where a reading is late, nor where nothing was told at the time of what is inside.
    """
    if thing.touched - time > _FRESH_SECONDS:
        return None
    near = [held for at, held in thing.inside.values() if abs(time - at) <= _INSIDE_SECONDS]
    if near or not any(abs(time - at) <= _EMPTY_SECONDS for at, _ in thing.inside.values()):
        return sum(near)
    return None
