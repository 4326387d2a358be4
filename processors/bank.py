"""The models of all keys a process owns: rows given, evicted and reused within a memory budget."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

import numpy as np

from processors.models.base import Model, Rows
from processors.models.codec import CorruptState, FingerprintMismatch, pack, unpack

_KEY_BYTES = 400  # dictionary entry, key and times of one key, about
_SEEN = ""  # the name of the part that holds when the key was last seen; no model is called so
_EVICT_SHARE = 0.01  # of all rows at once, so that looking for idle keys is paid rarely


class BankFull(RuntimeError):
    """No row is free, and there is no spill to evict to."""


class ModelBank:
    """One row in every model for each key, as many keys as the memory budget allows.

    Eviction is invisible: the evicted state is exact, goes to `spill`, and comes back with the key's next
    record. A key is forgotten for good only when two of its own records lie more than `forget_after`
    apart in event time; neither memory pressure nor other keys have a say in it.

    Do not use it for state that must survive the process: that is what `dump` and the caller's store are
    for.

    Parameters
    ----------
    factories
        Per name a function from capacity to a model.
    budget_bytes
        Memory for all rows; it decides `capacity`, the largest number of keys held at once.
    forget_after
        Seconds.
    spill
        Where evicted states go and are taken from; without one a full bank raises.

    Raises
    ------
    ValueError
        If the budget does not hold one key, or a model has no name.
    """

    def __init__(
        self,
        factories: Mapping[str, Callable[[int], Model]],
        *,
        budget_bytes: int,
        forget_after: float,
        spill: MutableMapping[str, bytes] | None = None,
    ) -> None:
        if _SEEN in factories:
            raise ValueError("a model has no name")
        self.row_bytes = _KEY_BYTES + sum(make(1).nbytes() for make in factories.values())
        self.capacity = budget_bytes // self.row_bytes
        if not self.capacity:
            raise ValueError(f"{budget_bytes} bytes do not hold one key of {self.row_bytes}")
        self.models = {name: make(self.capacity) for name, make in factories.items()}
        self.forget_after = forget_after
        self.forgotten = 0
        self.evicted = 0
        self.cold_starts = dict.fromkeys(factories, 0)
        """Per model, stored states of other parameters (or none at all) in a pack that was loaded."""
        self._spill = spill
        self._rows: dict[str, int] = {}
        self._seen = [0.0] * self.capacity
        self._piece = [0] * self.capacity
        self._current_piece = 1  # rows that are in no piece have 0
        self._free = list(range(self.capacity - 1, -1, -1))

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def place(self, keys: Sequence[str], times: Sequence[float]) -> Iterator[tuple[slice, Rows]]:
        """Give the rows of a batch in consecutive pieces; score each piece before asking for the next.

        `times` are event times in unix seconds. The batch is cut only where a key is forgotten between
        two of its records in it, or where a row must be taken from a key of the same piece.
        """
        begin, rows = 0, list[int]()
        self._current_piece += 1
        for i, (key, time) in enumerate(zip(keys, times, strict=True)):
            row = self._rows.get(key)
            if row is None or time - self._seen[row] > self.forget_after:
                if rows and self._must_cut(row):
                    yield slice(begin, i), np.array(rows, dtype=np.intp)
                    begin, rows = i, []
                    self._current_piece += 1
                row = self.row_of(key, time)
            elif time > self._seen[row]:
                self._seen[row] = time
            self._piece[row] = self._current_piece
            rows.append(row)
        if rows:
            yield slice(begin, len(keys)), np.array(rows, dtype=np.intp)

    def _must_cut(self, row: int | None) -> bool:
        if row is not None:
            return self._piece[row] == self._current_piece
        return not self._free and not self._idle(1)

    def row_of(self, key: str, time: float) -> int:
        """Give the row of a key seen at `time`; taken back from the spill, or new, if it has none.

        Every earlier record of the key must have been scored, because a forgotten key is made new here.

        Raises
        ------
        BankFull
            If no row is free, and there is no spill or every key belongs to the current piece.
        """
        if key not in self._rows:
            self._admit(key, time)
        row = self._rows[key]
        if time - self._seen[row] > self.forget_after:
            self._reset(row)
            self.forgotten += 1
            self._seen[row] = time
        self._seen[row] = max(self._seen[row], time)
        return row

    def _admit(self, key: str, time: float) -> None:
        if not self._free:
            self._make_room()
        stored = None if self._spill is None else self._spill.pop(key, None)
        if stored is None:
            self._seen[self._take(key)] = time
        else:
            self.load(key, stored)

    def _make_room(self) -> None:
        if self._spill is None:
            raise BankFull(f"all {self.capacity} rows are taken")
        idle = self.evict_idle(max(1, int(self.capacity * _EVICT_SHARE)))
        if not idle:
            raise BankFull(f"all {self.capacity} rows belong to the records being placed")
        self._spill.update(idle)

    def _idle(self, count: int) -> list[str]:
        held = (key for key, row in self._rows.items() if self._piece[row] != self._current_piece)
        return heapq.nsmallest(count, held, key=lambda key: (self._seen[self._rows[key]], key))

    def evict_idle(self, count: int) -> list[tuple[str, bytes]]:
        """Evict the `count` keys seen longest ago by event time (ties by key), and give their states.

        Keys of the piece that `place` gave last are left alone.
        """
        return [(key, self.evict(key)) for key in self._idle(count)]

    def evict(self, key: str) -> bytes:
        """Give the state of a key, and its row to others."""
        state = self.dump(key)
        self.drop(key)
        self.evicted += 1
        return state

    def drop(self, key: str) -> None:
        """Forget a key that is held."""
        row = self._rows.pop(key)
        self._reset(row)
        self._free.append(row)

    def dump(self, key: str) -> bytes:
        """Give the exact state of a key in all models, without changing anything."""
        row = self._rows[key]
        parts = {_SEEN: struct.pack("<d", self._seen[row])}
        return pack(parts | {name: model.dump(row) for name, model in self.models.items()})

    def load(self, key: str, state: bytes) -> None:
        """Hold a key in a dumped state.

        A model whose stored state has other parameters, or that has none in there, starts cold and is
        counted; stored states of models this bank does not have are dropped.

        Raises
        ------
        CorruptState
            If the bytes are not a whole state; the key is then not held.
        BankFull
            If no row is free.
        """
        parts = unpack(state)
        seen = parts.get(_SEEN, b"")
        if len(seen) != 8:
            raise CorruptState("the pack does not say when the key was last seen")
        row = self._rows[key] if key in self._rows else self._take(key)
        try:
            for name, model in self.models.items():
                self._load_part(name, model, row, parts.get(name))
        except CorruptState:
            self.drop(key)
            raise
        (self._seen[row],) = struct.unpack("<d", seen)

    def _load_part(self, name: str, model: Model, row: int, part: bytes | None) -> None:
        try:
            if part is not None:
                model.load(row, part)
                return
        except FingerprintMismatch:
            pass
        model.reset(np.array([row]))
        self.cold_starts[name] += 1

    def _take(self, key: str) -> int:
        if not self._free:
            raise BankFull(f"all {self.capacity} rows are taken")
        row = self._rows[key] = self._free.pop()
        self._piece[row] = 0
        return row

    def _reset(self, row: int) -> None:
        for model in self.models.values():
            model.reset(np.array([row]))

    def nbytes(self) -> int:
        """Give the bytes of all rows and their keys; never above the budget."""
        return sum(model.nbytes() for model in self.models.values()) + self.capacity * _KEY_BYTES
