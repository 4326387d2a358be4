"""The host as a whole: meminfo, vmstat, stat."""

from __future__ import annotations

from typing import ClassVar

from producers import procfs
from producers.cgroupfs import Limit
from producers.collectors.base import NoData
from producers.context import Context
from producers.tick import Tick


class HostCollector:
    """One snapshot of the host; the limit is all of its memory."""

    NAME: ClassVar[str] = "host"

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
        memory = procfs.kibibytes(tick.reader.read(self._procfs, "meminfo"))
        if not memory:
            raise NoData(f"{self._procfs}/meminfo cannot be read")
        tick.memory_total = memory.get(b"MemTotal")
        tick.add(
            self._context.identify.host(),
            "",
            started=self._context.boot_time,
            **_memory(memory),
            limit=_limit(memory),
            **self._counters(tick),
        )

    def _counters(self, tick: Tick) -> dict[str, int | float | None]:
        vmstat = procfs.keyed(tick.reader.read(self._procfs, "vmstat"))
        stat = tick.reader.read(self._procfs, "stat")
        pages = procfs.socket_pages(tick.reader.read(f"{self._procfs}/net", "sockstat", optional=True))
        return {
            "sockets": None if pages is None else pages * self._context.page_size,
            "faults_minor": procfs.minor_faults(vmstat),
            "faults_major": procfs.number(vmstat, b"pgmajfault"),
            "oom_kills": procfs.number(vmstat, b"oom_kill"),
            "cpu_seconds": procfs.busy_ticks(stat) / self._context.clock_ticks if stat else None,
        }


def _memory(memory: dict[bytes, int]) -> dict[str, int | None]:
    return {
        "total": memory.get(b"MemTotal"),
        "available": memory.get(b"MemAvailable"),
        "used": _difference(memory, b"MemTotal", b"MemAvailable"),
        "free": memory.get(b"MemFree"),
        "swap_total": memory.get(b"SwapTotal"),
        "swap_used": _difference(memory, b"SwapTotal", b"SwapFree"),
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
    used = _difference(memory, b"MemTotal", b"MemAvailable")
    return None if used is None else Limit("memtotal", memory[b"MemTotal"], used)


def _difference(memory: dict[bytes, int], whole: bytes, part: bytes) -> int | None:
    if whole not in memory or part not in memory:
        return None
    return max(0, memory[whole] - memory[part])


def _sum(memory: dict[bytes, int], *names: bytes) -> int | None:
    return sum(memory[name] for name in names) if all(name in memory for name in names) else None
