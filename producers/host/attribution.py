"""How much of a scope's memory belongs to narrower scopes that are published themselves."""

from __future__ import annotations

from collections.abc import Sequence

from fleetleak.records.memory import held
from fleetleak.records.types import MOST_BYTES
from producers.host.cgroupfs import parent
from producers.host.tick import Measured


def attribute(measured: Sequence[Measured]) -> None:
    """Set `attributed` of the host and of every cgroup, in bytes.

    The memory of a snapshot that a leak can grow counts to the nearest published scope around it, and to no
    other: a process to its container, a container to its pod, a pod to the host.
    """
    owners = {one.cgroup: one.snapshot for one in measured if one.is_group}
    for snapshot in owners.values():
        snapshot.attributed = 0
    for one in measured:
        if one.snapshot.scope == "host":
            continue
        around = parent(one.cgroup) if one.is_group else one.cgroup
        while around and around not in owners:
            around = parent(around)
        owner = owners.get(around)
        if owner:
            owner.attributed = (owner.attributed or 0) + _counted(one)
    for snapshot in owners.values():
        # A sum of wrong values; no record may hold it.
        if (snapshot.attributed or 0) > MOST_BYTES:
            snapshot.attributed = None


def _counted(one: Measured) -> int:
    """Return the bytes that the scope around leaves out; of a process without shared memory."""
    if one.is_group:
        return held(one.snapshot) or 0
    return (one.snapshot.anon or 0) + (one.snapshot.swap_used or 0)
