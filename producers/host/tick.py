"""One sampling of the host: what collectors share, and what they found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fleetleak.records import Snapshot
from producers.host import procfs
from producers.host.cgroupfs import Hierarchy, Limit, detect
from producers.host.context import Context
from producers.host.files import Files
from producers.host.identity import Identity
from producers.host.reader import IMPOSSIBLE, Reader
from producers.names import apart
from producers.plausible import drop_impossible

# Digits of the kernel's PID_MAX_LIMIT, 2**22.
LONGEST_PID = 7
# Longer command lines are cut: names are kept from tick to tick, and patterns are searched for in them.
LONGEST_COMMAND = 32 * 1024


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
    memory_total, memory_available
        The host's memory and what it can still give, in bytes, once the host collector ran.
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
        """Give every process id of this moment, sorted."""
        try:
            names = os.listdir(os.fsencode(self._procfs))
        except OSError as error:
            self.reader.skip_error(error, self._procfs)
            return []
        # isdigit of bytes knows those of ASCII alone.
        return sorted(int(name) for name in names if name.isdigit() and len(name) <= LONGEST_PID)

    @cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Give the tree of cgroups; None where the host has no memory controller."""
        return detect(str(self.context.cgroupfs), self.reader, self.memory_total)

    def read_process(self, pid: int, name: str) -> bytes:
        """Read a file of a process; empty, and counted, when it cannot be read."""
        return self.reader.read(f"{self._procfs}/{pid}", name)

    def bad(self, pid: int, name: str) -> procfs.Bad:
        """Give what counts one bad value or line of a file of a process."""
        return self.reader.bad(f"{self._procfs}/{pid}", name)

    def stat(self, pid: int) -> procfs.Stat | None:
        """Read the stat of a process; None, and counted, when it cannot be read."""
        data = self.read_process(pid, "stat")
        return procfs.stat(data, self.bad(pid, "stat")) if data else None

    def command(self, pid: int) -> str:
        """Read the command line of a process, its words parted by spaces."""
        data = self.read_process(pid, "cmdline")[:LONGEST_COMMAND]
        return data.replace(b"\0", b" ").decode("utf-8", "backslashreplace").strip()

    def add(self, identity: Identity, cgroup: str, *, limit: Limit | None, **values: Any) -> Snapshot:
        """Add the snapshot of one instance, and give it; what is None is absent.

        What cannot be is left out, and counted. An instance that is there already gets a name of its own.
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
        """Give the instance; a second one is told apart, so that no leak hides behind the first."""
        instance = identity.instance
        if (identity.service, instance) in self._named:
            path = self.hierarchy.path(cgroup) if self.hierarchy else cgroup
            instance = apart(instance, path)
        self._named.add((identity.service, instance))
        return instance
