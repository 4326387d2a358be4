"""What names an instance: looked up once per record, because it is the same at every tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Rows
from processors.decode.row import NAMES
from processors.decode.sizes import SCOPE_AT, SCOPES
from processors.decode.snapshots import Names
from processors.write.prefix import Prefix, prefix

INSTANCE_AT = NAMES.index("instance")
_VERSION_AT = NAMES.index("version")
# Identities that an instance keeps: its labels or its version may change, or two hosts may claim its name.
_MOST_OF_ONE = 16
_FIRST = 256


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
    prefixes, versions
        By number of the identity.
    """

    def __init__(self) -> None:
        super().__init__(_FIRST)
        self.service: Rows = self.column("service", (), np.intp, 0)
        self.instance: Rows = self.column("instance", (), np.intp, 0)
        self.partition: NDArray[np.int64] = self.column("partition", (), np.int64, -1)
        self.scope: NDArray[np.int8] = self.column("scope", (), np.int8, 0)
        self.prefixes: list[Prefix] = []
        self.versions: list[str | None] = []
        self._known: dict[Names, int] = {}
        self._all: dict[tuple[int, Names], int] = {}
        self._names: list[Names] = []
        self._of_row: dict[int, list[int]] = {}
        self._crowded: set[int] = set()
        self._free: list[int] = []

    def look_up(self, partitions: NDArray[np.int64], names: list[Names]) -> NDArray[np.int64]:
        """Return the number of each identity, shape `(B,)`; -1 where it is not known."""
        get = self._known.get
        numbers = np.array([get(one, -1) for one in names], dtype=np.int64)
        elsewhere = np.flatnonzero(self.partition.take(numbers) != partitions)
        for at in elsewhere.tolist():
            # One service on several partitions: a producer of somebody's own, with another partitioner.
            numbers[at] = self._all.get((int(partitions[at]), names[at]), -1)
        return numbers

    def add(self, partition: int, names: Names, service: int, instance: int) -> int:
        """Return the number of a new identity."""
        number = self._take()
        self.service[number], self.instance[number] = service, instance
        self.partition[number], self.scope[number] = partition, SCOPES.index(names[SCOPE_AT])
        self.prefixes[number], self.versions[number] = prefix(names), names[_VERSION_AT]
        self._names[number] = names
        self._known[names] = self._all[partition, names] = number
        mine = self._of_row.setdefault(instance, [])
        mine.append(number)
        if len(mine) > _MOST_OF_ONE:
            self._crowded.add(instance)
        return number

    def forget(self, instance: int) -> None:
        """Forget the identities of the instance in this row."""
        self._crowded.discard(instance)
        for number in self._of_row.pop(instance, ()):
            self._give_back(number)

    def trim(self) -> None:
        """Forget the oldest identities of instances that have many. Between two batches only."""
        for instance in self._crowded:
            mine = self._of_row[instance]
            for number in mine[:-_MOST_OF_ONE]:
                self._give_back(number)
            del mine[:-_MOST_OF_ONE]
        self._crowded.clear()

    def _take(self) -> int:
        if self._free:
            return self._free.pop()
        number = len(self._names)
        if number == self.capacity:
            self.grow(2 * self.capacity)
        self._names.append(())
        self.prefixes.append(Prefix(b"", b"", b""))
        self.versions.append(None)
        return number

    def _give_back(self, number: int) -> None:
        names, partition = self._names[number], int(self.partition[number])
        del self._all[partition, names]
        if self._known.get(names) == number:
            del self._known[names]
        self.partition[number] = -1
        self._free.append(number)
