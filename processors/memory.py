"""Which memory: what a leak grows, what counts against the limit, and the room there is."""

from __future__ import annotations

import msgspec

from fleetleak.records import Snapshot


class Shares(msgspec.Struct, gc=False):
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
    anon = snapshot.anon
    attributed = snapshot.attributed or 0
    if anon is None:
        used = snapshot.used
        return None if used is None else max(0, used + (snapshot.swap_used or 0) - attributed)
    kernel = (
        (snapshot.slab_unreclaimable or 0)
        + (snapshot.kernel_stack or 0)
        + (snapshot.page_tables or 0)
        + (snapshot.sockets or 0)
    )
    return max(0, anon + (snapshot.swap_used or 0) + (snapshot.shmem or 0) + kernel - attributed)


def shares(snapshot: Snapshot) -> Shares | None:
    """Give a snapshot's shares; None where it has no memory, or nothing to measure it against.

    Examples
    --------
    >>> one = {"service": "s", "instance": "i", "timestamp": 0.0}
    >>> shares(Snapshot(**one, used=30, total=200, limit=100, limit_used=40))
    Shares(memory=0.3, room=0.4, basis=100)
    """
    basis = snapshot.limit or snapshot.total
    memory = unreclaimable(snapshot)
    if not basis or memory is None:
        return None
    against = snapshot.limit_used if snapshot.limit else None
    if against is None:
        against = snapshot.used if snapshot.used is not None else memory
    return Shares(memory / basis, against / basis, basis)
