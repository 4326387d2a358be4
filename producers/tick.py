"""One sampling of the host: what collectors share, what they found, and what could not be read."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fleetleak.records import Snapshot
from producers import procfs
from producers.cgroupfs import Hierarchy, Limit, detect
from producers.context import Context
from producers.identity import Identity

VANISHED = "vanished"
DENIED = "denied"
UNREADABLE = "unreadable"
MALFORMED = "malformed"
REASONS = (VANISHED, DENIED, UNREADABLE, MALFORMED)

_REASON_OF = {
    errno.ENOENT: VANISHED,
    errno.ESRCH: VANISHED,
    # A cgroup that was removed while its file was open.
    errno.ENODEV: VANISHED,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
}
_NOT_OFFERED = (errno.ENOENT, errno.EOPNOTSUPP)


@dataclass(slots=True)
class Measured:
    """A snapshot and the cgroup it is about or, for a process, in; the host's is the root."""

    snapshot: Snapshot
    cgroup: str

    @property
    def is_group(self) -> bool:
        """Whether this is a whole cgroup and not one process in it."""
        return self.snapshot.scope != "process"


class Tick:
    """One moment. Collectors run in order, read through it and add to it.

    Attributes
    ----------
    measured
        What was found, in order.
    covered
        Processes that belong to a published cgroup: the cgroup has the limit, so they are left out.
    memory_total
        The host's memory in bytes, once the host collector ran.
    skipped, examples
        Sources left out by reason, and the first of each.
    """

    def __init__(self, context: Context, timestamp: float) -> None:
        self.context = context
        self.timestamp = timestamp
        self.measured: list[Measured] = []
        self.covered: set[int] = set()
        self.memory_total: int | None = None
        self.skipped: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    @cached_property
    def pids(self) -> list[int]:
        """Give every process id of this moment, sorted."""
        try:
            return sorted(int(name) for name in os.listdir(self.context.procfs) if name.isdigit())
        except OSError as error:
            self.skip_error(error, str(self.context.procfs))
            return []

    @cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Give the tree of cgroups; None where the host has no memory controller."""
        return detect(str(self.context.cgroupfs), self.read)

    def read(self, path: str, *, optional: bool = False) -> bytes:
        """Read a file; empty, and counted, when it cannot be read."""
        try:
            return procfs.read_file(path)
        except OSError as error:
            if not (optional and error.errno in _NOT_OFFERED):
                self.skip_error(error, path)
            return b""

    def read_process(self, pid: int, name: str) -> bytes:
        """Read a file of a process; empty, and counted, when it cannot be read."""
        return self.read(f"{self.context.procfs}/{pid}/{name}")

    def stat(self, pid: int) -> procfs.Stat | None:
        """Read the stat of a process; None, and counted, when it cannot be read."""
        data = self.read_process(pid, "stat")
        try:
            return procfs.stat(data) if data else None
        except (ValueError, IndexError):
            self.skip(MALFORMED, f"{self.context.procfs}/{pid}/stat")
            return None

    def command(self, pid: int) -> str:
        """Read the command line of a process, its words parted by spaces."""
        return self.read_process(pid, "cmdline").replace(b"\0", b" ").decode("utf-8", "replace").strip()

    def skip_error(self, error: OSError, path: str) -> None:
        """Count a source that could not be read."""
        self.skip(_REASON_OF.get(error.errno or 0, UNREADABLE), path)

    def skip(self, reason: str, path: str) -> None:
        """Count a source that was left out."""
        self.skipped[reason] += 1
        self.examples.setdefault(reason, path)

    def add(self, identity: Identity, cgroup: str, *, limit: Limit | None, **values: Any) -> None:
        """Add the snapshot of one instance; what is None is absent."""
        snapshot = Snapshot(
            service=identity.service,
            instance=identity.instance,
            timestamp=self.timestamp,
            host=self.context.host,
            scope=identity.scope,
            environment=self.context.environment,
            version=identity.version,
            labels=identity.labels or None,
            limit=limit.limit if limit else None,
            limit_name=limit.name if limit else None,
            limit_used=limit.used if limit else None,
            **values,
        )
        self.measured.append(Measured(snapshot, cgroup))
