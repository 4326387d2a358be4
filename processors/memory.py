"""Which memory: what a leak grows, the limit it runs into, and what is left until then. All in bytes."""

from __future__ import annotations

import msgspec

from fleetleak.records import Snapshot
from fleetleak.records.memory import growable
from fleetleak.records.types import MOST_BYTES

HOST_AVAILABLE = "host_available"
"""Name of the limit where the host runs out of memory before the instance reaches a limit of its own."""


class Sizes(msgspec.Struct, gc=False):
    """Memory of one snapshot, bytes.

    Parameters
    ----------
    memory
        What a leak grows (`fleetleak.records.memory.growable`); page cache is not in it.
    limit, used
        The limit that applies, and what counts against it: the distance a verdict is measured by.
    left
        What can still be had: below that limit, or on the host where that is less.
    name
        Of the limit that is reached first.
    """

    memory: int
    limit: int
    used: int
    left: int
    name: str

    @property
    def end(self) -> int:
        """The limit that is reached first."""
        return min(self.used + self.left, MOST_BYTES) if self.name == HOST_AVAILABLE else self.limit


def sizes(snapshot: Snapshot) -> Sizes | None:
    """Give a snapshot's sizes; None where it has no memory, or nothing to measure it against.

    A limit above all the instance can see is never reached, so what it can see is the limit then.

    Examples
    --------
    >>> one = {"service": "s", "instance": "i", "timestamp": 0.0}
    >>> sizes(Snapshot(**one, used=30, total=200, limit=100, limit_used=40))
    Sizes(memory=30, limit=100, used=40, left=60, name='limit')
    >>> sizes(Snapshot(**one, used=30, total=200, limit=10**12, limit_used=40, available=90))
    Sizes(memory=30, limit=200, used=30, left=90, name='host_available')
    """
    memory = growable(snapshot)
    if memory is None:
        return None
    limit, total = snapshot.limit, snapshot.total
    if limit and (not total or limit <= total):
        name, used = snapshot.limit_name or "limit", snapshot.limit_used
    elif total:
        limit, name, used = total, "total", snapshot.working_set
    else:
        return None
    if used is None:
        used = snapshot.used if snapshot.used is not None else memory
    # Pages in use count against any limit: a source that says less is wrong.
    used = max(used, snapshot.anon or 0)
    left = max(0, limit - used)
    if snapshot.scope != "host" and snapshot.available is not None and snapshot.available < left:
        left, name = snapshot.available, HOST_AVAILABLE
    return Sizes(memory, limit, used, left, name)
