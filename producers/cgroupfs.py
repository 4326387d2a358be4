"""The memory controller's tree, version 2 or 1: its groups, their memory, the limit that applies."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from producers import procfs
from producers.procfs import Keyed
from producers.reader import Reader


class Limit(NamedTuple):
    """A finite limit, and the bytes that count against it."""

    name: str
    limit: int
    used: int


class Usage(NamedTuple):
    """Bytes charged to a group, the part of them that is not easily given back, and memory.stat."""

    current: int
    working_set: int
    stat: Keyed


def parent(directory: str) -> str:
    """Give the directory one level up; the root is the empty string."""
    return directory.rpartition("/")[0]


def subdirectories(directory: str) -> list[str]:
    """Name the child directories, sorted.

    Raises
    ------
    OSError
        If the directory is gone or may not be read.
    """
    # Two links mean no child; listing is dear, since a group has some sixty files.
    if os.stat(directory).st_nlink == 2:
        return []
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


class Hierarchy(ABC):
    """The memory controller's tree as it is during one tick; what is read twice is read once.

    A group is told by its directory.
    """

    PREFIX: ClassVar[bytes]
    USAGE: ClassVar[str]
    LIMIT: ClassVar[str]
    EVENTS: ClassVar[str]
    STAT: ClassVar[dict[str, bytes]]

    def __init__(self, root: str, reader: Reader) -> None:
        self.root = root
        self._read = reader.read
        self._usages: dict[str, Usage | None] = {}
        self._limits: dict[str, Limit | None] = {}

    @abstractmethod
    def version_fields(self, group: str) -> dict[str, int | float | None]:
        """Give the fields whose source differs between the versions."""

    @abstractmethod
    def group_of(self, membership: bytes) -> str | None:
        """Give the group a process is in, from its `/proc/<pid>/cgroup`; None if it cannot be seen."""

    def path(self, group: str) -> str:
        """Give a group as `/proc/<pid>/cgroup` shows it; the root as the empty string."""
        return group[len(self.root) :]

    def _visible(self, found: Iterator[bytes]) -> str | None:
        path = next(found, b"/..").decode("utf-8", "replace")
        # A process outside this cgroup namespace.
        if path.startswith("/.."):
            return None
        return self.root + path.rstrip("/")

    def pids(self, group: str) -> list[int]:
        """Give the processes of this group alone; those that cannot be seen from here show as 0."""
        return [pid for pid in map(int, self._read(group, "cgroup.procs").split()) if pid]

    def usage(self, group: str) -> Usage | None:
        """Give what a group uses; None where memory is not accounted for it."""
        if group not in self._usages:
            self._usages[group] = self._usage(group)
        return self._usages[group]

    def _usage(self, group: str) -> Usage | None:
        current = self._read(group, self.USAGE, optional=True)
        if not current:
            return None
        stat = procfs.keyed(self._read(group, "memory.stat"))
        charged = int(current)
        inactive = procfs.number(stat, self.PREFIX + b"inactive_file") or 0
        return Usage(charged, max(0, charged - inactive), stat)

    def limit(self, group: str) -> Limit | None:
        """Give the smallest finite limit of a group and those above it; the nearest of equal ones."""
        if group not in self._limits:
            own = self._own_limit(group)
            above = self.limit(parent(group)) if group != self.root else None
            self._limits[group] = above if above and (not own or above.limit < own.limit) else own
        return self._limits[group]

    def _own_limit(self, group: str) -> Limit | None:
        limit = procfs.finite(self._read(group, self.LIMIT, optional=True))
        usage = self.usage(group) if limit is not None else None
        return None if limit is None or usage is None else Limit(self.LIMIT, limit, usage.working_set)

    def fields(self, group: str) -> dict[str, int | float | None] | None:
        """Give a group's memory by the names of Snapshot; None where memory is not accounted for it."""
        usage = self.usage(group)
        if usage is None:
            return None
        stat, prefix = usage.stat, self.PREFIX
        fields = self.version_fields(group)
        for field, key in self.STAT.items():
            if key in stat:
                fields[field] = int(stat[key])
        fields["used"] = usage.current
        fields["working_set"] = usage.working_set
        fields["active"] = procfs.number(stat, prefix + b"active_anon", prefix + b"active_file")
        fields["faults_minor"] = procfs.minor_faults(stat, prefix)
        events = self._read(group, self.EVENTS, optional=True)
        fields["oom_kills"] = procfs.value(events, b"oom_kill")
        return fields

    def _single(self, directory: str, name: str) -> int | None:
        data = self._read(directory, name, optional=True)
        return int(data) if data else None


class Version2(Hierarchy):
    """The unified tree (kernel docs, admin-guide/cgroup-v2)."""

    PREFIX = b""
    USAGE = "memory.current"
    LIMIT = "memory.max"
    EVENTS = "memory.events"
    STAT: ClassVar[dict[str, bytes]] = {
        "anon": b"anon",
        "file": b"file",
        "shmem": b"shmem",
        "slab_reclaimable": b"slab_reclaimable",
        "slab_unreclaimable": b"slab_unreclaimable",
        "kernel_stack": b"kernel_stack",
        "page_tables": b"pagetables",
        "sockets": b"sock",
        "faults_major": b"pgmajfault",
    }

    def version_fields(self, group: str) -> dict[str, int | float | None]:
        """Give swap and CPU time."""
        cpu = procfs.value(self._read(group, "cpu.stat", optional=True), b"usage_usec")
        return {
            "swap_used": self._single(group, "memory.swap.current"),
            "cpu_seconds": None if cpu is None else cpu / 1e6,
        }

    def group_of(self, membership: bytes) -> str | None:
        """Read the line `0::path`."""
        return self._visible(line[3:] for line in membership.splitlines() if line.startswith(b"0::"))


class Version1(Hierarchy):
    """The memory controller's own tree (kernel docs, admin-guide/cgroup-v1/memory)."""

    PREFIX = b"total_"
    USAGE = "memory.usage_in_bytes"
    LIMIT = "memory.limit_in_bytes"
    EVENTS = "memory.oom_control"
    STAT: ClassVar[dict[str, bytes]] = {
        "anon": b"total_rss",
        "file": b"total_cache",
        "shmem": b"total_shmem",
        "swap_used": b"total_swap",
        "faults_major": b"total_pgmajfault",
    }

    def version_fields(self, group: str) -> dict[str, int | float | None]:
        """Give socket memory, and CPU time from the controller's own tree beside this one."""
        cpu = self._single(f"{parent(self.root)}/cpuacct{self.path(group)}", "cpuacct.usage")
        return {
            "sockets": self._single(group, "memory.kmem.tcp.usage_in_bytes"),
            "cpu_seconds": None if cpu is None else cpu / 1e9,
        }

    def group_of(self, membership: bytes) -> str | None:
        """Read the line that names the memory controller."""
        lines = (line.split(b":", 2) for line in membership.splitlines())
        return self._visible(line[2] for line in lines if len(line) == 3 and b"memory" in line[1].split(b","))


def detect(root: str, reader: Reader) -> Hierarchy | None:
    """Find the memory controller below `root`: version 2, else version 1, else None."""
    if b"memory" in reader.read(root, "cgroup.controllers", optional=True).split():
        return Version2(root, reader)
    if os.path.isdir(f"{root}/memory"):
        return Version1(f"{root}/memory", reader)
    return None
