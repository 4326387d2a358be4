"""A role written as one function: (state of a key, record) -> new state, and outputs.

The library decodes, rejects, finds the key's state, and dumps, loads and drops it. A part supplies `step`,
and if it needs them `on_side` and `on_time` (docs/write-a-role.md).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, get_origin

import msgspec

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Unreadable
from fleetleak.stream.emit import Emit
from fleetleak.stream.role import Applied, Key, Record, Rejected
from fleetleak.stream.timers import Timers

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


class Nothing(msgspec.Struct, frozen=True):
    """The state of a part that keeps none."""


class Keyed(ABC, Generic[R, S]):
    """A `Role` that keeps one typed state per key.

    A subclass sets `NAME`, `RECORD` (the type of its input records) and `STATE` (a msgspec Struct), and
    writes `step`. The state of another `VERSION` is not loaded: its keys start cold.

    Only keys that changed are checkpointed. A key is unchanged if `step` returns None for a key without
    state or, for a frozen `STATE`, the object that it was given. A `STATE` that is not frozen counts as
    changed whenever it is returned.

    Not for parts that need vectors over many keys: write a `Role`, as the processor does.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1
    RECORD: ClassVar[type[Any]]
    STATE: ClassVar[type[Any]] = Nothing

    def __init__(self) -> None:
        self._states: dict[Key, S] = {}
        self._timers = Timers()
        self._frozen = (get_origin(self.STATE) or self.STATE).__struct_config__.frozen
        self._timed = type(self).on_time is not Keyed.on_time
        self._encode = msgspec.msgpack.Encoder().encode
        stored: Any = _Timed[self.STATE] if self._timed else self.STATE  # type: ignore[name-defined]
        self._decode = msgspec.msgpack.Decoder(stored).decode

    def read(self, record: Record) -> R:
        """Decode an input record; for a part whose input is none of ours.

        Raises
        ------
        Unreadable
            If it is not such a record.
        """
        return self._decode_record(record.value)

    @cached_property
    def _decode_record(self) -> Callable[[bytes | None], R]:
        return Decoder(self.RECORD).decode

    @abstractmethod
    def step(self, state: S | None, record: R, emit: Emit) -> S | None:
        """Apply one record of a key; return the key's new state, None to keep none.

        Parameters
        ----------
        state
            None for a key without one.
        emit
            Takes outputs, counts and the key's timer; knows the key.

        Raises
        ------
        Unreadable
            If the record cannot be used. It becomes a dead letter, and nothing else happens.
        """

    def on_side(self, state: S | None, record: Record, emit: Emit) -> S | None:
        """Apply one record of a side topic to the state of its key; as `step`, but not decoded."""
        return state

    def on_time(self, state: S, due: float, emit: Emit) -> S | None:
        """Act on a key's timer (`Emit.wake`), which was due at this time, unix seconds; as `step`.

        Timers fire by the append time of the partition's own records. So they fire at the same record in
        every run and however the input is cut; and in a partition without records time stands still.
        """
        raise NotImplementedError

    def levels(self) -> dict[metrics.Gauge, float]:
        """Return the gauges of this part."""
        return {metrics.KEYS: float(len(self._states))}

    def state(self, key: Key) -> S | None:
        """Return the state of a key; None if it has none."""
        return self._states.get(key)

    def items(self, partition: int) -> Iterator[tuple[Key, S]]:
        """Return the keys of a partition that have a state, in the order of their names."""
        for key in sorted(key for key in self._states if key.partition == partition):
            yield key, self._states[key]

    def states(self) -> Iterable[S]:
        """Return every state kept."""
        return self._states.values()

    # What the runtime calls: see `fleetleak.stream.Role`.

    @property
    def fingerprint(self) -> str:
        """Version of the stored form."""
        return f"{self.NAME}/{self.VERSION}"

    def apply(self, records: Sequence[Record]) -> Applied:
        """Apply input records in order; before each one, the timers that it makes due."""
        applied = Applied(changed={})
        for record in records:
            self._fire(record, applied)
            self._take(record, applied)
        applied.levels |= self.levels()
        return applied

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Apply one record of a side topic."""
        return self.change(Key(record.partition, record.key or b""), self.on_side, record, record)

    def change(
        self, key: Key, how: Callable[[S | None, T, Emit], S | None], argument: T, record: Record
    ) -> tuple[Key | None, Applied]:
        """Change a key's state for a side record; return what `Role.control` returns.

        For a part that chooses the key itself.
        """
        applied = Applied(changed={})
        try:
            changed = self._change(key, how, argument, applied, record.appended)
        except Unreadable as error:
            applied.rejected.append(Rejected(record, error.reason, str(error)))
            return None, applied
        applied.levels |= self.levels()
        return (key if changed else None), applied

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Return the exact states of keys, in their order; with their timers if this part has timers."""
        return [self._dump(key) for key in keys]

    def _dump(self, key: Key) -> bytes | None:
        if (state := self._states.get(key)) is None:
            return None
        return self._encode(_Timed(self._timers.due(key), state) if self._timed else state)

    def load(self, key: Key, state: bytes) -> None:
        """Put a state back.

        Raises
        ------
        ValueError
            If the bytes are not a state.
        """
        stored = self._decode(state)
        if self._timed:
            self._timers.set(key, stored.due)
            stored = stored.state
        self._states[key] = stored

    def drop(self, partition: int) -> None:
        """Forget every key of a partition."""
        self._states = {key: state for key, state in self._states.items() if key.partition != partition}
        self._timers.drop(partition)

    def _take(self, record: Record, applied: Applied) -> None:
        key = Key(record.partition, record.key or b"")
        try:
            changed = self._change(key, self.step, self.read(record), applied, record.appended)
        except Unreadable as error:
            applied.rejected.append(Rejected(record, error.reason, str(error)))
            return
        if changed and applied.changed is not None:
            applied.changed.setdefault(key, record.offset)

    def _fire(self, record: Record, applied: Applied) -> None:
        for key, due in self._timers.fire(record.partition, record.clock):
            if key in self._states:
                self._change(key, self.on_time, due, applied)
            if (self._timers.due(key) or math.inf) <= due:
                raise ValueError(f"{self.NAME}: a timer that fired must be set to a later time")
            # A replay leaves out the records of other keys that made it due, so it is checkpointed here.
            applied.required.add(key)

    def _change(
        self,
        key: Key,
        how: Callable[[Any, T, Emit], S | None],
        argument: T,
        applied: Applied,
        appended: float = 0.0,
    ) -> bool:
        """Change a key's state, and take over what was emitted; return whether the state changed."""
        before, emit = self._states.get(key), Emit(key, appended)
        after = how(before, argument, emit)
        if after is not None:
            self._states[key] = after
        elif before is not None:
            del self._states[key]
        emit.into(applied)
        if after is None:
            self._timers.set(key, None)
        elif emit.wakes:
            self._timers.set(key, emit.wake_at)
        return emit.wakes or after is not before or (after is not None and not self._frozen)


class _Timed(msgspec.Struct, Generic[S], array_like=True):
    """A stored state with its timer."""

    due: float | None
    state: S
