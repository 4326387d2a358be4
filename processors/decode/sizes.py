"""The memory that a leak grows, the limit it runs into, and the bytes left below that limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from fleetleak.records import Snapshot
from fleetleak.records.types import MOST_BYTES, Scope
from processors.columns import Flags, Rows
from processors.decode.snapshots import Ints, Snapshots

SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Scopes; a code is a position in it."""
_HOST, _PROCESS = SCOPES.index("host"), SCOPES.index("process")

OWN, TOTAL, HOST_AVAILABLE = range(3)
"""Codes of the limit that is reached first: the instance's own, all memory that it can see, or less than
that where the host has less available."""
LIMIT_NAMES: Final = ("limit", "total", "host_available")
"""Names of these limits; the snapshot may have another one for the instance's own."""


def limit_name(code: int, own: str | None) -> str:
    """Return the name of a limit by its code; `own` is the name that the snapshot has for its own."""
    return own if code == OWN and own else LIMIT_NAMES[code]


@dataclass(frozen=True)
class Sizes:
    """Sizes in bytes, shape `(B,)`.

    Parameters
    ----------
    memory
        The memory that a leak grows, without page cache (`fleetleak.records.memory.growable`).
    limit, used
        The limit that applies, and what counts against it. A verdict goes by these.
    left
        The bytes left below that limit, or what the host still has available where that is less.
    name
        Code of the limit that is reached first.
    known
        Where there are sizes at all: a memory, and a limit or a total.
    """

    memory: Ints
    limit: Ints
    used: Ints
    left: Ints
    name: Ints
    known: Flags

    @cached_property
    def end(self) -> Ints:
        """The limit that is reached first, in bytes of `used`."""
        shared = np.minimum(self.used + self.left, MOST_BYTES)
        return np.where(self.name == HOST_AVAILABLE, shared, self.limit)

    def take(self, places: Rows) -> Sizes:
        """Return the sizes at these places."""
        return Sizes(*(getattr(self, name).take(places) for name in self.__dataclass_fields__))


def sizes(snapshots: Snapshots, scopes: NDArray[np.integer]) -> Sizes:
    """Return the sizes of snapshots.

    An instance never reaches a limit above all the memory it can see. Its limit is then `total`.

    Parameters
    ----------
    scopes
        Codes of the scope of each snapshot, shape `(B,)`.
    """
    given = snapshots.whole
    host = scopes == _HOST
    memory, held = _growable(snapshots, host, scopes == _PROCESS)
    own, total = given("limit"), given("total")
    by_own = (own > 0) & ((total <= 0) | (own <= total))
    limit = np.where(by_own, own, total)
    used = np.where(by_own, given("limit_used"), given("working_set"))
    used = np.where(used < 0, given("used"), used)
    used = np.where(used < 0, memory, used)
    # Anonymous pages count against any limit, so a source that reports less is wrong.
    used = np.maximum(used, given("anon"))
    left = np.maximum(limit - used, 0)
    available = given("available")
    shared = ~host & (available >= 0) & (available < left)
    name = np.where(shared, HOST_AVAILABLE, np.where(by_own, OWN, TOTAL))
    return Sizes(memory, limit, used, np.where(shared, available, left), name, held & (limit > 0))


def sizes_of(snapshots: Sequence[Snapshot]) -> Sizes:
    """Return the sizes of snapshots that did not come from records.

    Examples
    --------
    >>> one = {"service": "s", "instance": "i", "timestamp": 0.0, "scope": "container"}
    >>> sizes = sizes_of([Snapshot(**one, used=30, total=200, limit=10**12, limit_used=40, available=90)])
    >>> sizes.memory.item(), sizes.limit.item(), sizes.used.item(), sizes.left.item()
    (30, 200, 30, 90)
    >>> LIMIT_NAMES[sizes.name.item()]
    'host_available'
    """
    scopes = np.array([SCOPES.index(snapshot.scope) for snapshot in snapshots])
    return sizes(Snapshots.of(snapshots), scopes)


def _growable(snapshots: Snapshots, host: Flags, process: Flags) -> tuple[Ints, Flags]:
    """Return what `fleetleak.records.memory.growable` returns, and where it is known."""
    given = snapshots.whole
    anon, used, kernel = given("anon"), given("used"), _kernel(snapshots)
    unnamed = _unnamed(snapshots, kernel, host, process)
    held = np.where(anon >= 0, anon + _or_0(snapshots, "shmem") + kernel + unnamed, used)
    own = held + _or_0(snapshots, "swap_used") - _or_0(snapshots, "attributed")
    # The sum of several fields can exceed the bound of one field.
    return np.minimum(np.maximum(own, 0), MOST_BYTES), (anon >= 0) | (used >= 0)


def _unnamed(snapshots: Snapshots, kernel: Ints, host: Flags, process: Flags) -> Ints:
    """Return what `fleetleak.records.memory.unnamed` returns."""
    given = snapshots.whole
    anon, file, total, free = given("anon"), given("file"), given("total"), given("free")
    # The host's `used` leaves out what can be reclaimed.
    whole = np.where(host, total - free, given("used"))
    known = np.where(host, (total >= 0) & (free >= 0), whole >= 0)
    # Shared memory is part of `file` here.
    named = anon + file + _or_0(snapshots, "slab_reclaimable") + kernel
    counted = known & ~process & (anon >= 0) & (file >= 0)
    return np.where(counted, np.maximum(whole - named, 0), 0)


def _kernel(snapshots: Snapshots) -> Ints:
    names = ("slab_unreclaimable", "kernel_stack", "page_tables", "sockets")
    first, *others = (_or_0(snapshots, name) for name in names)
    for other in others:
        first = first + other
    return first


def _or_0(snapshots: Snapshots, name: str) -> Ints:
    return np.maximum(snapshots.whole(name), 0)
