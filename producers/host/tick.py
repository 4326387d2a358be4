"""One sampling of the host: what collectors share, and the snapshots they add."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fleetleak.records import Snapshot
from producers.host import procfs
from producers.host.cgroupfs import Hierarchy, detect
from producers.host.context import Context
from producers.host.files import Files
from producers.host.identity import Identity
from producers.host.limits import Limit
from producers.host.reader import IMPOSSIBLE, Reader
from producers.names import apart
from producers.plausible import drop_impossible

# Digits of the kernel's PID_MAX_LIMIT, 2**22.
LONGEST_PID = 7
# Longer command lines are cut: they are cached between ticks, and patterns are searched for in them.
LONGEST_COMMAND = 32 * 1024


@dataclass(slots=True)
class Measured:
    """A snapshot and its cgroup: its own, that of the process, or the root for the host."""

    snapshot: Snapshot
    cgroup: str

    @property
    def is_group(self) -> bool:
        """Return whether this is a whole cgroup (or the host) and not one process."""
        return self.snapshot.scope != "process"


class Tick:
    """One moment. Collectors run in order, read through it and add snapshots to it.

    Attributes
    ----------
    reader
        Reads files, and counts what could not be read.
    measured
        The snapshots so far, in order.
    covered
        Processes of published cgroups. They are not published themselves, since the cgroup has the limit.
    memory_total, memory_available
        The host's memory and what it can still give, in bytes; None until the host collector has run.
    """

    def __init__(self, context: Context, timestamp: float, files: Files) -> None:
        self.context = context
        self.timestamp = timestamp
        self.reader = Reader(files)
        self.measured: list[Measured] = []
        self.covered: set[int] = set()
        self.memory_total: int | None = None
        self.memory_available: int | None = None
        self._named: set[tuple[str, str]] = set()
        self._procfs = str(context.procfs)

    @cached_property
    def pids(self) -> list[int]:
        """Return every process id of this moment, sorted."""
        try:
            names = os.listdir(os.fsencode(self._procfs))
        except OSError as error:
            self.reader.skip_error(error, self._procfs)
            return []
        # isdigit of bytes accepts ASCII digits only.
        return sorted(int(name) for name in names if name.isdigit() and len(name) <= LONGEST_PID)

    @cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Return the tree of cgroups; None where the host has no memory controller."""
        return detect(str(self.context.cgroupfs), self.reader, self.memory_total)

    def read_process(self, pid: int, name: str) -> bytes:
        """Return the bytes of a file of a process; empty, and counted, when it cannot be read."""
        return self.reader.read(f"{self._procfs}/{pid}", name)

    def bad(self, pid: int, name: str) -> procfs.Bad:
        """Return the function that counts one bad value or line of a file of a process."""
        return self.reader.bad(f"{self._procfs}/{pid}", name)

    def stat(self, pid: int) -> procfs.Stat | None:
        """Return the stat of a process; None, and counted, when it cannot be read."""
        data = self.read_process(pid, "stat")
        return procfs.stat(data, self.bad(pid, "stat")) if data else None

    def command(self, pid: int) -> str:
        """Return the command line of a process, its words separated by spaces."""
        data = self.read_process(pid, "cmdline")[:LONGEST_COMMAND]
        return data.replace(b"\0", b" ").decode("utf-8", "backslashreplace").strip()

    def add(self, identity: Identity, cgroup: str, *, limit: Limit | None, **values: Any) -> Snapshot:
        """Add the snapshot of one instance, and return it; a value of None is absent.

        Impossible values are left out, and counted. A second instance of the same name gets another name.
        """
        values["limit"], values["limit_used"] = (limit.limit, limit.used) if limit else (None, None)
        for name in drop_impossible(values, host=identity.scope == "host"):
            self.reader.skip(IMPOSSIBLE, f"{cgroup or identity.instance}: {name}")
        snapshot = Snapshot(
            service=identity.service,
            instance=self._own_name(identity, cgroup),
            timestamp=self.timestamp,
            host=self.context.host,
            scope=identity.scope,
            environment=self.context.environment,
            version=identity.version,
            labels=identity.labels or None,
            limit_name=limit.name if limit and values["limit"] is not None else None,
            **values,
        )
        self.measured.append(Measured(snapshot, cgroup))
        return snapshot

    def _own_name(self, identity: Identity, cgroup: str) -> str:
        """Return the instance's name; a second one gets another, so that no leak hides behind the first."""
        instance = identity.instance
        if (identity.service, instance) in self._named:
            path = self.hierarchy.path(cgroup) if self.hierarchy else cgroup
            instance = apart(instance, path)
        self._named.add((identity.service, instance))
        return instance
