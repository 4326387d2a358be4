"""The host as a whole: meminfo, vmstat, stat."""

from __future__ import annotations

from typing import ClassVar

from producers.host import procfs
from producers.host.collectors.base import NoData
from producers.host.context import Context
from producers.host.limits import Limit
from producers.host.tick import Tick

VMSTAT = procfs.lines_of(b"pgfault", b"pgmajfault", b"oom_kill")


class HostCollector:
    """One snapshot of the host; the limit is all of its memory."""

    NAME: ClassVar[str] = "host"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        self._context = context
        self._procfs = str(context.procfs)

    def collect(self, tick: Tick) -> None:
        """Measure.

        Raises
        ------
        NoData
            If meminfo cannot be read.
        """
        read = tick.reader.read(self._procfs, "meminfo")
        memory = procfs.kibibytes(read, tick.reader.bad(self._procfs, "meminfo"))
        if not memory:
            raise NoData(f"{self._procfs}/meminfo cannot be read")
        host = tick.add(
            self._context.identify.host(),
            "",
            started=self._context.boot_time,
            **_memory(memory),
            limit=_limit(memory),
            **self._counters(tick),
        )
        tick.memory_total, tick.memory_available = host.total, host.available

    def _counters(self, tick: Tick) -> dict[str, int | float | None]:
        read, bad, root = tick.reader.read, tick.reader.bad, self._procfs
        net = f"{root}/net"
        vmstat = procfs.keyed(read(root, "vmstat"), VMSTAT, bad(root, "vmstat"))
        minor, major = procfs.faults(vmstat)
        pages = procfs.socket_pages(read(net, "sockstat", optional=True), bad(net, "sockstat"))
        stat = read(root, "stat")
        busy = procfs.busy_ticks(stat, bad(root, "stat")) if stat else None
        return {
            "sockets": None if pages is None else pages * self._context.page_size,
            "faults_minor": minor,
            "faults_major": major,
            "oom_kills": vmstat.get(b"oom_kill"),
            "cpu_seconds": None if busy is None else busy / self._context.clock_ticks,
        }


def _memory(memory: dict[bytes, int]) -> dict[str, int | None]:
    total, available = memory.get(b"MemTotal"), memory.get(b"MemAvailable")
    swap_total = memory.get(b"SwapTotal")
    return {
        "total": total,
        "available": available,
        "used": procfs.difference(total, available),
        "free": memory.get(b"MemFree"),
        "swap_total": swap_total,
        "swap_used": procfs.difference(swap_total, memory.get(b"SwapFree")),
        "active": memory.get(b"Active"),
        "anon": memory.get(b"AnonPages"),
        "file": _sum(memory, b"Cached", b"Buffers"),
        "shmem": memory.get(b"Shmem"),
        "slab_reclaimable": memory.get(b"SReclaimable"),
        "slab_unreclaimable": memory.get(b"SUnreclaim"),
        "kernel_stack": memory.get(b"KernelStack"),
        "page_tables": memory.get(b"PageTables"),
    }


def _limit(memory: dict[bytes, int]) -> Limit | None:
    total = memory.get(b"MemTotal")
    return (
        None
        if total is None
        else Limit("memtotal", total, procfs.difference(total, memory.get(b"MemAvailable")))
    )


def _sum(memory: dict[bytes, int], *names: bytes) -> int | None:
    return sum(memory[name] for name in names) if all(name in memory for name in names) else None
