"""Single processes: those that match, and the largest outside published cgroups."""

from __future__ import annotations

from typing import ClassVar

from producers.host import procfs
from producers.host.context import Context
from producers.host.limits import Limit, applies, least_left
from producers.host.procfs import Pages, Stat
from producers.host.tick import Tick

# What seldom changes is read again in turns, once in so many ticks: the program of a process (its pid may
# be reused), and the size of processes less than half as large as any that could be published.
LOOK_AGAIN_TICKS = 10

STATUS = {
    "used": b"VmRSS",
    "anon": b"RssAnon",
    "file": b"RssFile",
    "shmem": b"RssShmem",
    "swap_used": b"VmSwap",
    "page_tables": b"VmPTE",
}
RLIMITS = (("rlimit_data", b"Max data size", b"VmData"), ("rlimit_as", b"Max address space", b"VmSize"))


class ProcessCollector:
    """One snapshot per process that matches or is among the `top_processes` largest.

    A process that was published stays while it is among twice as many, so that two processes of nearly equal
    size do not take turns.
    """

    NAME: ClassVar[str] = "process"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ticks = 0
        self._fits: dict[int, bool] = {}
        self._published: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        self._small = 0

    def collect(self, tick: Tick) -> None:
        """Measure."""
        top = self._context.top_processes
        ranked = self._ranked(tick) if top else []
        wanted = {*self._matched(tick), *ranked[:top]}
        staying = {pid for pid in ranked[top : 2 * top] if pid in self._published} - wanted
        before, self._published = self._published, {}
        for pid in sorted(wanted | staying):
            stat = tick.stat(pid)
            # Without its start it cannot be named: pids are reused.
            if stat is None or stat.start_ticks is None:
                continue
            if pid in wanted or before[pid] == stat.start_ticks:
                self._published[pid] = stat.start_ticks
                self._measure(tick, pid, stat)
        self._ticks += 1

    def _matched(self, tick: Tick) -> list[int]:
        if not self._context.patterns:
            return []
        before, self._fits = self._fits, {}
        for pid in tick.pids:
            known = pid in before and not self._is_turn_of(pid)
            self._fits[pid] = before[pid] if known else self._fits_pattern(tick, pid)
        return [pid for pid, fits in self._fits.items() if fits]

    def _fits_pattern(self, tick: Tick, pid: int) -> bool:
        stat = tick.stat(pid)
        names = (stat.comm, tick.command(pid)) if stat else ()
        return any(pattern.search(name) for pattern in self._context.patterns for name in names)

    def _ranked(self, tick: Tick) -> list[int]:
        """Return the processes outside published cgroups, the largest first."""
        before, self._sizes = self._sizes, {}
        for pid in tick.pids:
            if pid not in tick.covered:
                size = before.get(pid)
                if size is None or size >= self._small or self._is_turn_of(pid):
                    pages = _pages(tick, pid)
                    size = pages.private if pages else 0
                self._sizes[pid] = size
        ranked = sorted((-size, pid) for pid, size in self._sizes.items() if size > 0)
        last = 2 * self._context.top_processes
        self._small = -ranked[last - 1][0] // 2 if len(ranked) >= last else 0
        return [pid for _, pid in ranked]

    def _is_turn_of(self, pid: int) -> bool:
        return (pid + self._ticks) % LOOK_AGAIN_TICKS == 0

    def _measure(self, tick: Tick, pid: int, stat: Stat) -> None:
        status = procfs.kibibytes(data := tick.read_process(pid, "status"), tick.bad(pid, "status"))
        sizes = self._sizes_of(tick, pid, status) if data else {}
        if not sizes:
            return  # a kernel thread, or a process that has ended
        group = self._group(tick, pid)
        limit = self._limit(tick, pid, status, group)
        command = tick.command(pid) if self._context.identify.reads_commands else ""
        tick.add(
            self._context.identify.process(pid, stat, command),
            group or "",
            started=self._context.started(stat.start_ticks),
            total=tick.memory_total,
            available=tick.memory_available,
            limit=limit,
            faults_minor=stat.minor_faults,
            faults_major=stat.major_faults,
            cpu_seconds=None if stat.cpu_ticks is None else stat.cpu_ticks / self._context.clock_ticks,
            **sizes,
        )

    def _sizes_of(self, tick: Tick, pid: int, status: dict[bytes, int]) -> dict[str, int | None]:
        """Return the memory of a process by field, in bytes; empty if it has no memory of its own."""
        sizes = {field: status.get(name) for field, name in STATUS.items()}
        if sizes["used"] is None:
            pages = _pages(tick, pid)
            if not pages or not pages.resident:
                return {}
            sizes["used"] = pages.resident * self._context.page_size
            sizes["anon"] = pages.private * self._context.page_size
        return sizes

    def _group(self, tick: Tick, pid: int) -> str | None:
        if tick.hierarchy is None:
            return None
        return tick.hierarchy.group_of(tick.read_process(pid, "cgroup"), tick.bad(pid, "cgroup"))

    def _limit(self, tick: Tick, pid: int, status: dict[bytes, int], group: str | None) -> Limit | None:
        """Return the limit with the fewest bytes left, of the process's own limits and its cgroup's."""
        limits, bad = tick.read_process(pid, "limits"), tick.bad(pid, "limits")
        own = []
        for name, line, used in RLIMITS:
            size = procfs.soft_limit(limits, line, bad)
            if applies(size, tick.memory_total) and used in status:
                own.append(Limit(name, size, status[used]))
        outer = tick.hierarchy.limit(group) if tick.hierarchy and group else None
        return least_left([*own, outer] if outer else own)


def _pages(tick: Tick, pid: int) -> Pages | None:
    data = tick.read_process(pid, "statm")
    pages = procfs.pages(data) if data else None
    if data and pages is None:
        tick.bad(pid, "statm")()
    return pages
