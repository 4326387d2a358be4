"""Memory pressure (PSI) of the host and of cgroups: it fills the snapshots of other collectors."""

from __future__ import annotations

from typing import ClassVar

from producers import procfs
from producers.cgroupfs import Version2
from producers.collectors.base import NoData
from producers.context import Context
from producers.tick import Measured, Tick


class PressureCollector:
    """Fills `pressure_some` and `pressure_full`; cgroup v1 has none."""

    NAME: ClassVar[str] = "pressure"

    def __init__(self, context: Context) -> None:
        self._host = f"{context.procfs}/pressure"

    def collect(self, tick: Tick) -> None:
        """Measure.

        Raises
        ------
        NoData
            If the kernel offers no PSI.
        """
        host = tick.reader.read(self._host, "memory", optional=True)
        if not host:
            raise NoData(f"{self._host}/memory is not offered by this kernel")
        for measured in tick.measured:
            if measured.is_group:
                _fill(measured, procfs.stall_seconds(self._source(tick, measured, host)))

    def _source(self, tick: Tick, measured: Measured, host: bytes) -> bytes:
        if measured.snapshot.scope == "host":
            return host
        if isinstance(tick.hierarchy, Version2):
            return tick.reader.read(measured.cgroup, "memory.pressure", optional=True)
        return b""


def _fill(measured: Measured, stalls: dict[bytes, float]) -> None:
    measured.snapshot.pressure_some = stalls.get(b"some")
    measured.snapshot.pressure_full = stalls.get(b"full")
