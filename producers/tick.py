"""One sampling of the host: what collectors share, and what they found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fleetleak.records import Snapshot
from producers import procfs
from producers.cgroupfs import Hierarchy, Limit, detect
from producers.context import Context
from producers.files import Files
from producers.identity import Identity
from producers.reader import MALFORMED, Reader


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
    reader
        Reads files, and counts what could not be read.
    measured
        What was found, in order.
    covered
        Processes that belong to a published cgroup: the cgroup has the limit, so they are left out.
    memory_total
        The host's memory in bytes, once the host collector ran.
    """

    def __init__(self, context: Context, timestamp: float, files: Files) -> None:
        self.context = context
        self.timestamp = timestamp
        self.reader = Reader(files)
        self.measured: list[Measured] = []
        self.covered: set[int] = set()
        self.memory_total: int | None = None
        self._procfs = str(context.procfs)

    @cached_property
    def pids(self) -> list[int]:
        """Give every process id of this moment, sorted."""
        try:
            return sorted(int(name) for name in os.listdir(self._procfs) if name.isdigit())
        except OSError as error:
            self.reader.skip_error(error, self._procfs)
            return []

    @cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Give the tree of cgroups; None where the host has no memory controller."""
        return detect(str(self.context.cgroupfs), self.reader)

    def read_process(self, pid: int, name: str) -> bytes:
        """Read a file of a process; empty, and counted, when it cannot be read."""
        return self.reader.read(f"{self._procfs}/{pid}", name)

    def stat(self, pid: int) -> procfs.Stat | None:
        """Read the stat of a process; None, and counted, when it cannot be read."""
        data = self.read_process(pid, "stat")
        try:
            return procfs.stat(data) if data else None
        except (ValueError, IndexError):
            self.reader.skip(MALFORMED, f"{self._procfs}/{pid}/stat")
            return None

    def command(self, pid: int) -> str:
        """Read the command line of a process, its words parted by spaces."""
        return self.read_process(pid, "cmdline").replace(b"\0", b" ").decode("utf-8", "replace").strip()

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
