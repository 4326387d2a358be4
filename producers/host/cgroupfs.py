"""The memory controller's tree, version 2 or 1: its groups, their memory and their limits."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from fleetleak.records.types import MOST_BYTES, MOST_COUNT
from producers.host import procfs
from producers.host.limits import Limit, applies, least_left
from producers.host.procfs import Bad, Keyed
from producers.host.reader import Reader


class Usage(NamedTuple):
    """What a group uses.

    Parameters
    ----------
    current
        Bytes charged to the group.
    working_set, inactive
        The bytes of `current` without inactive page cache, and the inactive page cache itself.
    stat
        Lines of memory.stat.
    """

    current: int | None
    working_set: int | None
    inactive: int | None
    stat: Keyed


# The kernel's PATH_MAX.
LONGEST_PATH = 4096
# The limit of most groups; comparing bytes is the fastest check.
NO_LIMIT = b"max\n"
SWAP_LIMIT = "memory.memsw.limit_in_bytes"


def parent(directory: str) -> str:
    """Return the directory one level up; the root is the empty string."""
    return directory.rpartition("/")[0]


def subdirectories(directory: str) -> list[str]:
    """Return the names of the child directories, sorted.

    Raises
    ------
    OSError
        If the directory is gone or may not be read.
    """
    # Two links mean no child. Listing is expensive: a group has about sixty files.
    if os.stat(directory).st_nlink == 2:
        return []
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _lines(prefix: bytes, stat: dict[str, bytes]) -> re.Pattern[bytes]:
    """Return the pattern of the lines of memory.stat that are read."""
    others = (b"inactive_file", b"active_anon", b"active_file", b"pgfault", b"pgmajfault")
    return procfs.lines_of(*stat.values(), *(prefix + key for key in others))


class Hierarchy(ABC):
    """The memory controller's tree during one tick; what is needed twice is read once.

    A group is identified by its directory.

    Parameters
    ----------
    root
        The tree's own directory.
    reader
        Reads files, and counts bad values.
    memory_total
        The host's memory in bytes, if known: limits above it do not apply.
    """

    PREFIX: ClassVar[bytes]
    USAGE: ClassVar[str]
    LIMITS: ClassVar[tuple[str, ...]]
    EVENTS: ClassVar[str]
    STAT: ClassVar[dict[str, bytes]]
    LINES: ClassVar[re.Pattern[bytes]]

    def __init__(self, root: str, reader: Reader, memory_total: int | None = None) -> None:
        self.root = root
        self._memory_total = memory_total
        self._read = reader.read
        self._bad = reader.bad
        self._usages: dict[str, Usage | None] = {}
        self._limits: dict[str, Limit | None] = {}

    @abstractmethod
    def version_fields(self, group: str) -> dict[str, int | float | None]:
        """Return the fields whose source differs between the versions."""

    @abstractmethod
    def group_of(self, membership: bytes, bad: Bad = procfs.ignore) -> str | None:
        """Return the group of a process, from its `/proc/<pid>/cgroup`; None if it is not visible."""

    def path(self, group: str) -> str:
        """Return a group's path as `/proc/<pid>/cgroup` shows it; the root is the empty string."""
        return group[len(self.root) :]

    def _visible(self, paths: Iterator[bytes], bad: Bad) -> str | None:
        path = os.fsdecode(next(paths, b"/.."))
        if not path.startswith("/") or "\0" in path or len(path) > LONGEST_PATH:
            bad()
            return None
        # The process is outside this cgroup namespace.
        if "/../" in f"{path}/":
            return None
        return self.root + path.rstrip("/")

    def pids(self, group: str) -> list[int]:
        """Return the processes in this group itself, without those of the groups below."""
        pids = [procfs.whole(word, procfs.MOST_PID) for word in self._read(group, "cgroup.procs").split()]
        for _ in range(pids.count(None)):
            self._bad(group, "cgroup.procs")()
        # The kernel shows a process of another pid namespace as 0.
        return [pid for pid in pids if pid]

    def usage(self, group: str) -> Usage | None:
        """Return what a group uses; None where its memory is not accounted."""
        if group not in self._usages:
            self._usages[group] = self._usage(group)
        return self._usages[group]

    def _usage(self, group: str) -> Usage | None:
        charged = self._read(group, self.USAGE, optional=True)
        text = self._read(group, "memory.stat", optional=not charged)
        if not charged and not text:
            return None
        stat = procfs.keyed(text, self.LINES, self._bad(group, "memory.stat"))
        current = self._number(group, self.USAGE, charged, MOST_BYTES)
        inactive = stat.get(self.PREFIX + b"inactive_file")
        return Usage(current, procfs.difference(current, inactive), inactive, stat)

    def limit(self, group: str) -> Limit | None:
        """Return the limit with the fewest bytes left, of a group and the groups above it.

        Of equal limits it is the nearest. Limits that cannot be reached are left out.
        """
        climbed = []
        while group not in self._limits:
            climbed.append(group)
            if group == self.root:
                break
            group = parent(group)
        limit = self._limits.get(group)
        for inner in reversed(climbed):
            own = self._own_limits(inner)
            limit = least_left([*own, limit] if limit else own)
            self._limits[inner] = limit
        return limit

    def _own_limits(self, group: str) -> list[Limit]:
        limits = []
        for name in self.LIMITS:
            data = self._read(group, name, optional=True)
            if data and data != NO_LIMIT:
                limit = procfs.finite(data, self._bad(group, name))
                if applies(limit, self._memory_total):
                    limits.append(Limit(name, limit, self._against(group, name)))
        return limits

    def _against(self, group: str, _limit: str) -> int | None:
        """Return the bytes that count against a limit of a group; None where they are unknown."""
        usage = self.usage(group)
        return _positive(usage.working_set) if usage else None

    def fields(self, group: str) -> dict[str, int | float | None] | None:
        """Return a group's memory by fields of Snapshot; None where its memory is not accounted."""
        usage = self.usage(group)
        if usage is None:
            return None
        stat, prefix = usage.stat, self.PREFIX
        fields = self.version_fields(group)
        for field, key in self.STAT.items():
            if key in stat:
                fields[field] = stat[key]
        fields["used"] = usage.current
        fields["working_set"] = usage.working_set
        fields["active"] = procfs.number(stat, prefix + b"active_anon", prefix + b"active_file")
        fields["faults_minor"], fields["faults_major"] = procfs.faults(stat, prefix)
        events = self._read(group, self.EVENTS, optional=True)
        fields["oom_kills"] = procfs.value(events, b"oom_kill", self._bad(group, self.EVENTS))
        return fields

    def _single(self, directory: str, name: str, most: int = MOST_BYTES) -> int | None:
        data = self._read(directory, name, optional=True)
        return self._number(directory, name, data, most) if data else None

    def _number(self, directory: str, name: str, data: bytes, most: int) -> int | None:
        number = procfs.whole(data.strip(), most)
        if number is None:
            self._bad(directory, name)()
        return number


def _positive(used: int | None) -> int | None:
    # It is negative where two values contradict each other.
    return used if used is not None and used >= 0 else None


class Version2(Hierarchy):
    """The unified tree (kernel docs, admin-guide/cgroup-v2)."""

    PREFIX = b""
    USAGE = "memory.current"
    LIMITS = ("memory.max", "memory.high")
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
    }
    LINES = _lines(PREFIX, STAT)

    def version_fields(self, group: str) -> dict[str, int | float | None]:
        """Return swap and CPU time."""
        cpu = procfs.value(
            self._read(group, "cpu.stat", optional=True), b"usage_usec", self._bad(group, "cpu.stat")
        )
        return {
            "swap_used": self._single(group, "memory.swap.current"),
            "cpu_seconds": None if cpu is None else cpu / 1e6,
        }

    def group_of(self, membership: bytes, bad: Bad = procfs.ignore) -> str | None:
        """Return the group of the line `0::path`."""
        lines = membership.split(b"\n")
        return self._visible((line[3:] for line in lines if line.startswith(b"0::")), bad)


class Version1(Hierarchy):
    """The memory controller's own tree (kernel docs, admin-guide/cgroup-v1/memory)."""

    PREFIX = b"total_"
    USAGE = "memory.usage_in_bytes"
    LIMITS = ("memory.limit_in_bytes", SWAP_LIMIT)
    EVENTS = "memory.oom_control"
    STAT: ClassVar[dict[str, bytes]] = {
        "anon": b"total_rss",
        "file": b"total_cache",
        "shmem": b"total_shmem",
        "swap_used": b"total_swap",
    }
    LINES = _lines(PREFIX, STAT)

    def version_fields(self, group: str) -> dict[str, int | float | None]:
        """Return socket memory, and CPU time from the tree of the cpuacct controller beside this one."""
        beside = f"{parent(self.root)}/cpuacct{self.path(group)}"
        cpu = self._single(beside, "cpuacct.usage", MOST_COUNT)
        return {
            "sockets": self._single(group, "memory.kmem.tcp.usage_in_bytes"),
            "cpu_seconds": None if cpu is None else cpu / 1e9,
        }

    def _against(self, group: str, limit: str) -> int | None:
        if limit != SWAP_LIMIT:
            return super()._against(group, limit)
        usage = self.usage(group)
        both = self._single(group, "memory.memsw.usage_in_bytes")
        return _positive(procfs.difference(both, usage.inactive)) if usage else None

    def group_of(self, membership: bytes, bad: Bad = procfs.ignore) -> str | None:
        """Return the group of the line that names the memory controller."""
        lines = (line.split(b":", 2) for line in membership.split(b"\n"))
        paths = (line[2] for line in lines if len(line) == 3 and b"memory" in line[1].split(b","))
        return self._visible(paths, bad)


def detect(root: str, reader: Reader, memory_total: int | None = None) -> Hierarchy | None:
    """Return the memory controller's tree below `root`: version 2, else version 1, else None."""
    if b"memory" in reader.read(root, "cgroup.controllers", optional=True).split():
        return Version2(root, reader, memory_total)
    if os.path.isdir(f"{root}/memory"):
        return Version1(f"{root}/memory", reader, memory_total)
    return None
