"""What names an instance: looked up once per record, because it is the same at every tick."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Rows
from processors.decode.prefix import Names, prefix
from processors.decode.row import LABELS_AT, NAMES
from processors.decode.sizes import SCOPES
from processors.decode.snapshots import Ints, RowValues

INSTANCE_AT = NAMES.index("instance")
_SCOPE_AT, _VERSION_AT, _LIMIT_NAME_AT = map(NAMES.index, ("scope", "version", "limit_name"))
# Identities that an instance keeps: its labels or its version may change, or two hosts may claim its name.
_MOST_OF_ONE = 16
_FIRST = 256
_NONE = -1
NOBODY: Names = ()


def names_of(row: RowValues) -> Names:
    """Return the names among the values of a row, with the labels as pairs if there are any."""
    return (*row[:LABELS_AT], *row[LABELS_AT].items()) if row[LABELS_AT] else row[:LABELS_AT]


class Identities(Columns):
    """Every identity that was met: its service, its instance, and the texts that its scores begin with.

    An identity is what names a snapshot, with its labels, within a partition. It belongs to one instance. It
    is forgotten with the row of its instance.

    Attributes
    ----------
    service, instance
        Rows.
    partition
        The partition of the input.
    scope
        Code of the scope (`processors.decode.sizes.SCOPES`).
    before
        Number of the identity that the same instance had before; -1 if there was none.
    names
        By number of the identity.
    heads, middles, limit_names
        Pieces of its scores (`processors.decode.prefix.Prefix`), by number of the identity.
    text_bytes
        Memory of all these texts, about, in bytes.
    written
        Numbers by the bytes of the names as records have them, for the kernel that reads snapshots.
    """

    def __init__(self) -> None:
        super().__init__(_FIRST)
        self.service: Rows = self.column("service", (), np.intp, 0)
        self.instance: Rows = self.column("instance", (), np.intp, 0)
        self.partition: Ints = self.column("partition", (), np.int64, -1)
        self.scope: NDArray[np.int8] = self.column("scope", (), np.int8, 0)
        self.before: Ints = self.column("before", (), np.int64, _NONE)
        self.heads: list[bytes] = []
        self.middles: list[bytes] = []
        self.limit_names: list[bytes] = []
        self.names: list[Names] = []
        self.written: dict[bytes, int] = {}
        self.text_bytes = 0
        self._text: list[bytes | None] = []
        self._known: dict[Names, int] = {}
        # One service on several partitions: a producer of somebody's own, with another partitioner.
        self._elsewhere: dict[tuple[int, Names], int] = {}
        self._newest: dict[int, int] = {}
        self._crowded: set[int] = set()
        self._free: list[int] = []

    def look_up(self, partitions: Ints, names: Sequence[Names]) -> Ints:
        """Return the number of each identity, shape `(B,)`; -1 where it is not known."""
        get = self._known.get
        numbers = np.array([get(one, _NONE) for one in names], dtype=np.int64)
        elsewhere = np.flatnonzero(self.partition.take(numbers) != partitions)
        for at in elsewhere.tolist():
            numbers[at] = self._elsewhere.get((partitions.item(at), names[at]), _NONE)
        return numbers

    def number(self, partition: int, names: Names) -> int | None:
        """Return the number of an identity; None if it is not known."""
        known = self._known.get(names)
        if known is not None and self.partition.item(known) == partition:
            return known
        return self._elsewhere.get((partition, names))

    def add(self, partition: int, names: Names, service: int, instance: int) -> int:
        """Return the number of a new identity."""
        number = self._take()
        self.service[number], self.instance[number] = service, instance
        self.partition[number], self.scope[number] = partition, SCOPES.index(names[_SCOPE_AT])
        self.heads[number], self.middles[number], self.limit_names[number] = prefix(names)
        self.names[number] = names
        self.text_bytes += self._bytes_of(number)
        if self._known.setdefault(names, number) != number:
            self._elsewhere[partition, names] = number
        self.before[number] = self._newest.get(instance, _NONE)
        self._newest[instance] = number
        if self.before[number] != _NONE:
            self._crowded.add(instance)
        return number

    def add_written(self, number: int, text: bytes) -> None:
        """Note how the names of an identity are written in its newest record."""
        self._forget_written(number)
        self._text[number] = text
        self.written[text] = number
        self.text_bytes += len(text)

    def instance_name(self, number: int) -> str:
        """Return the name of the instance."""
        return str(self.names[number][INSTANCE_AT])

    def version(self, number: int) -> str | None:
        """Return the version; None where there is none."""
        version: str | None = self.names[number][_VERSION_AT]
        return version

    def limit_name(self, number: int) -> str | None:
        """Return the name of the instance's own limit; None where it has none."""
        name: str | None = self.names[number][_LIMIT_NAME_AT]
        return name

    def forget(self, instance: int) -> None:
        """Forget the identities of the instance in this row."""
        self._crowded.discard(instance)
        for number in self._of(instance):
            self._give_back(number)
        self._newest.pop(instance, None)

    def trim(self) -> None:
        """Forget the oldest identities of instances that have many. Between two batches only."""
        for instance in self._crowded:
            mine = self._of(instance)
            for number in mine[_MOST_OF_ONE:]:
                self._give_back(number)
            self.before[mine[_MOST_OF_ONE - 1 : _MOST_OF_ONE]] = _NONE
        self._crowded.clear()

    def _of(self, instance: int) -> list[int]:
        """Return the identities of an instance, newest first."""
        mine, number = [], self._newest.get(instance, _NONE)
        while number != _NONE:
            mine.append(number)
            number = self.before.item(number)
        return mine

    def _take(self) -> int:
        if self._free:
            return self._free.pop()
        number = len(self.names)
        if number == self.capacity:
            self.grow(2 * self.capacity)
        self.names.append(NOBODY)
        for pieces in (self.heads, self.middles, self.limit_names):
            pieces.append(b"")
        self._text.append(None)
        return number

    def _give_back(self, number: int) -> None:
        names = self.names[number]
        if self._known.get(names) == number:
            del self._known[names]
        else:
            del self._elsewhere[self.partition.item(number), names]
        self._forget_written(number)
        self.text_bytes -= self._bytes_of(number)
        self.names[number] = NOBODY
        self.heads[number] = self.middles[number] = self.limit_names[number] = b""
        self.partition[number] = _NONE
        self._free.append(number)

    def _forget_written(self, number: int) -> None:
        text, self._text[number] = self._text[number], None
        if text is not None:
            del self.written[text]
            self.text_bytes -= len(text)

    def _bytes_of(self, number: int) -> int:
        """Return the size of what is kept of one identity beside its row, about, in bytes."""
        pieces = len(self.heads[number]) + len(self.middles[number]) + len(self.limit_names[number])
        return 2 * pieces  # the names have the same texts
