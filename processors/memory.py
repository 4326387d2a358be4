"""The memory that a leak grows, the limit it runs into, and the bytes left below that limit."""

from __future__ import annotations

import msgspec

from fleetleak.records import Snapshot
from fleetleak.records.memory import growable
from fleetleak.records.types import MOST_BYTES

HOST_AVAILABLE = "host_available"
"""Name of the limit where the host has less memory available than the limit of the instance leaves."""


class Sizes(msgspec.Struct, gc=False):
    """The sizes of one snapshot, in bytes.

    Parameters
    ----------
    memory
        The memory that a leak grows, without page cache (`fleetleak.records.memory.growable`).
    limit, used
        The limit that applies, and what counts against it. A verdict goes by these.
    left
        The bytes left below that limit, or what the host still has available where that is less.
    name
        Name of the limit that is reached first.
    """

    memory: int
    limit: int
    used: int
    left: int
    name: str

    @property
    def end(self) -> int:
        """The limit that is reached first, in bytes of `used`."""
        return min(self.used + self.left, MOST_BYTES) if self.name == HOST_AVAILABLE else self.limit


def sizes(snapshot: Snapshot) -> Sizes | None:
    """Return the sizes of a snapshot; None where it has no memory, or neither a limit nor a total.

    An instance never reaches a limit above all the memory it can see. Its limit is then `total`.

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
    # Anonymous pages count against any limit, so a source that reports less is wrong.
    used = max(used, snapshot.anon or 0)
    left = max(0, limit - used)
    if snapshot.scope != "host" and snapshot.available is not None and snapshot.available < left:
        left, name = snapshot.available, HOST_AVAILABLE
    return Sizes(memory, limit, used, left, name)
