"""The memory of a snapshot that a leak can grow: one definition for producers and processors."""

from __future__ import annotations

from fleetleak.records.snapshot import Snapshot
from fleetleak.records.types import MOST_BYTES


def growable(snapshot: Snapshot) -> int | None:
    """Return the anonymous, swapped, shared, unreclaimable and unnamed memory, in bytes.

    Memory that narrower scopes publish themselves is left out. Without `anon` it is `used` and swap; None
    without both. Swap counts: a leak that goes on in swap while RAM stays flat is still a leak.
    """
    own = held(snapshot)
    # The sum of several fields can exceed the bound of one field.
    return None if own is None else min(max(0, own - (snapshot.attributed or 0)), MOST_BYTES)


def held(snapshot: Snapshot) -> int | None:
    """Return the same as `growable`, with the memory that narrower scopes publish themselves."""
    swapped = snapshot.swap_used or 0
    if snapshot.anon is None:
        return None if snapshot.used is None else snapshot.used + swapped
    return snapshot.anon + swapped + (snapshot.shmem or 0) + _kernel(snapshot) + unnamed(snapshot)


def unnamed(snapshot: Snapshot) -> int:
    """Return the bytes that are in use but in no other field; 0 where that is unknown.

    Such as per-CPU memory, vmalloc, huge pages, a driver's pages, and kernel memory of cgroup v1.

    Examples
    --------
    >>> one = {"service": "s", "instance": "i", "timestamp": 0.0, "scope": "container"}
    >>> unnamed(Snapshot(**one, used=100, anon=40, file=20, slab_unreclaimable=5))
    35
    """
    whole = snapshot.used
    if snapshot.scope == "host":
        # The host's `used` leaves out what can be reclaimed.
        known = snapshot.total is not None and snapshot.free is not None
        whole = (snapshot.total or 0) - (snapshot.free or 0) if known else None
    if snapshot.scope == "process" or whole is None or snapshot.anon is None or snapshot.file is None:
        return 0
    # Shared memory is part of `file` here.
    named = snapshot.anon + snapshot.file + (snapshot.slab_reclaimable or 0) + _kernel(snapshot)
    return max(0, whole - named)


def _kernel(snapshot: Snapshot) -> int:
    return (
        (snapshot.slab_unreclaimable or 0)
        + (snapshot.kernel_stack or 0)
        + (snapshot.page_tables or 0)
        + (snapshot.sockets or 0)
    )
