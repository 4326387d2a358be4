"""Which memory: what a leak grows, what counts against the limit, and the room there is."""

from __future__ import annotations

from typing import NamedTuple

from fleetleak.records import Snapshot


class Shares(NamedTuple):
    """Memory of one snapshot as shares of its room.

    Parameters
    ----------
    memory
        What a leak grows: anonymous, swapped and unreclaimable kernel memory, without what narrower scopes
        publish on their own; page cache is not in it. A share of `basis`.
    room
        What counts against the limit, as a share of it: the distance a forecast has to cover.
    basis
        Bytes that a share of 1 stands for: the limit, or without one all the instance can see.
    """

    memory: float
    room: float
    basis: int


def unreclaimable(snapshot: Snapshot) -> int | None:
    """Give the bytes a leak grows; where the source tells no kinds apart, all that is used.

    Swap counts: a leak that goes on in swap while RAM stays flat is still a leak.
    """
    if snapshot.anon is None:
        found = snapshot.used
        if found is None:
            return None
        return max(0, found + (snapshot.swap_used or 0) - (snapshot.attributed or 0))
    kinds = (
        snapshot.anon,
        snapshot.swap_used,
        snapshot.shmem,
        snapshot.slab_unreclaimable,
        snapshot.kernel_stack,
        snapshot.page_tables,
        snapshot.sockets,
    )
    return max(0, sum(kind for kind in kinds if kind) - (snapshot.attributed or 0))


def shares(snapshot: Snapshot) -> Shares | None:
    """Give a snapshot's shares; None where it has no memory, or nothing to measure it against.

    Examples
    --------
    >>> shares(Snapshot(service="s", instance="i", timestamp=0.0, used=30, total=200, limit=100, limit_used=40))
    Shares(memory=0.3, room=0.4, basis=100)
    """
    basis = snapshot.limit or snapshot.total
    memory = unreclaimable(snapshot)
    if not basis or memory is None:
        return None
    against = snapshot.limit_used if snapshot.limit and snapshot.limit_used is not None else snapshot.used
    return Shares(memory / basis, (memory if against is None else against) / basis, basis)
