"""The runtime's protocol in memory: commits, checkpoints, crashes and replays around any role."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from fleetleak.stream import Applied, Key, Output, Record, Role

Said = dict[tuple[str, bytes], list[bytes | None]]
"""Outputs by topic and key, in order: what consumers of one key see."""


class Side(msgspec.Struct):
    """A record of a side topic, at its place among the input records."""

    record: Record


Event = Record | Side


def said(outputs: Iterable[Output]) -> Said:
    """Return outputs as consumers of each key see them."""
    values: Said = {}
    for output in outputs:
        values.setdefault((output.topic, output.key), []).append(output.value)
    return values


def clocked(events: Sequence[Event]) -> list[Event]:
    """Return the events with the clock that the runtime gives each input record."""
    clocks: dict[int, float] = {}
    timed: list[Event] = []
    for event in events:
        if isinstance(event, Record):
            clock = clocks[event.partition] = max(clocks.get(event.partition, 0.0), event.appended)
            event = msgspec.structs.replace(event, clock=clock)
        timed.append(event)
    return timed


def through(role: Role, events: Sequence[Event], sizes: Callable[[], int]) -> list[Applied]:
    """Apply events in batches; `sizes` says how many input records the next batch may have."""
    applied = []
    for batch in _batches(events, sizes):
        if isinstance(batch, Side):
            applied.append(role.control(batch.record)[1])
        else:
            applied.append(role.apply(batch))
    return applied


def _batches(events: Sequence[Event], sizes: Callable[[], int]) -> Iterator[Side | list[Record]]:
    batch: list[Record] = []
    size = sizes()
    for event in events:
        if batch and (isinstance(event, Side) or len(batch) >= size):
            yield batch
            batch, size = [], sizes()
        if isinstance(event, Side):
            yield event
        else:
            batch.append(event)
    if batch:
        yield batch


@dataclass
class _Stored:
    """A checkpoint: the newest input offset it includes, and the state (None: there is none)."""

    offset: int
    state: bytes | None


@dataclass
class Journal:
    """Runs a role over events with random batches, commits, checkpoints and crashes.

    Parameters
    ----------
    make
        Returns a new role, as a new process has it.
    events
        Input records, each partition's in the order of their offsets, and side records between them.
    """

    make: Callable[[], Role]
    events: Sequence[Event]
    seed: int
    crashes: int = 0
    replayed: int = 0
    outputs: list[Output] = field(default_factory=list)
    _stored: dict[Key, _Stored] = field(default_factory=dict)
    _dirty: dict[Key, int] = field(default_factory=dict)
    _positions: dict[int, int] = field(default_factory=dict)

    def run(self) -> Said:
        """Return what was published once everything is committed."""
        chance = random.Random(self.seed)
        role, committed = self.make(), 0
        while committed < len(self.events):
            end = min(committed + chance.randrange(1, 12), len(self.events))
            piece = self.events[committed:end]
            applied, changed, required = self._apply(role, piece, lambda: chance.randrange(1, 5))
            if chance.random() < 0.2:
                role = self._restored()
                continue
            for key, offset in changed.items():
                self._dirty.setdefault(key, offset)
            self._positions |= {e.partition: e.offset + 1 for e in piece if isinstance(e, Record)}
            due = {key for key in self._dirty if chance.random() < 0.3} | required
            self._checkpoint(role, due)
            self.outputs += [output for one in applied for output in one.outputs]
            committed = end
            if chance.random() < 0.3:
                role = self._restored()
        return said(self.outputs)

    def _apply(
        self, role: Role, piece: Sequence[Event], sizes: Callable[[], int]
    ) -> tuple[list[Applied], dict[Key, int], set[Key]]:
        results: list[Applied] = []
        changed: dict[Key, int] = {}
        required: set[Key] = set()
        for batch in _batches(piece, sizes):
            if isinstance(batch, Side):
                key, applied = role.control(batch.record)
                required |= set() if key is None else {key}
            else:
                applied = role.apply(batch)
                for name, offset in _changed(applied, batch):
                    changed.setdefault(name, offset)
            required |= applied.required | {o.transition for o in applied.outputs if o.transition}
            results.append(applied)
        return results, changed, required

    def _checkpoint(self, role: Role, keys: set[Key]) -> None:
        due = sorted(keys)
        for key, state in zip(due, role.dump(due), strict=True):
            self._stored[key] = _Stored(self._positions.get(key.partition, 0) - 1, state)
            self._dirty.pop(key, None)

    def _restored(self) -> Role:
        """Return a new role as a restore leaves it: checkpoints, then the records that they lack."""
        self.crashes += 1
        role = self.make()
        for key, stored in self._stored.items():
            if stored.state is not None:
                role.load(key, stored.state)
        begin = dict(self._positions)
        for key, offset in self._dirty.items():
            begin[key.partition] = min(begin[key.partition], offset)
        fresh = [
            event
            for event in clocked(
                [e for e in self.events if isinstance(e, Record) and self._replays(e, begin)]
            )
            if isinstance(event, Record) and not self._includes(event)
        ]
        self.replayed += len(fresh)
        late = [o for applied in through(role, fresh, lambda: 3) for o in applied.outputs if o.transition]
        assert not late, "a transition that was published is part of a checkpoint"
        return role

    def _replays(self, record: Record, begin: dict[int, int]) -> bool:
        number = record.partition
        return begin.get(number, 0) <= record.offset < self._positions.get(number, 0)

    def _includes(self, record: Record) -> bool:
        stored = self._stored.get(Key(record.partition, record.key or b""))
        return stored is not None and record.offset <= stored.offset


def _changed(applied: Applied, batch: Sequence[Record]) -> Iterable[tuple[Key, int]]:
    if applied.changed is not None:
        return applied.changed.items()
    bad = {(r.record.partition, r.record.offset) for r in applied.rejected}
    return [(Key(r.partition, r.key or b""), r.offset) for r in batch if (r.partition, r.offset) not in bad]
