"""Memory pressure (PSI) of the host and of cgroups, as fields of the snapshots of other collectors."""

from __future__ import annotations

from typing import ClassVar

from producers.host import procfs
from producers.host.cgroupfs import Version2
from producers.host.collectors.base import NoData
from producers.host.context import Context
from producers.host.tick import Measured, Tick


class PressureCollector:
    """Fills `pressure_some` and `pressure_full`; cgroup v1 has none."""

    NAME: ClassVar[str] = "pressure"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        self._host = f"{context.procfs}/pressure"

    def collect(self, tick: Tick) -> None:
        """Measure.

        Raises
        ------
        NoData
            If the kernel offers no PSI.
        """
        groups = [measured for measured in tick.measured if measured.is_group]
        # A kernel offers all of these files or none. Two missing ones prove it; one may only be damaged.
        offered = [self._fill(tick, measured) for measured in groups[:2]]
        if not any(offered):
            raise NoData(f"{self._host}/memory is not offered by this kernel")
        for measured in groups[2:]:
            self._fill(tick, measured)

    def _fill(self, tick: Tick, measured: Measured) -> bool:
        """Fill one snapshot; return False where its source is missing."""
        if measured.snapshot.scope == "host":
            directory, name = self._host, "memory"
        elif isinstance(tick.hierarchy, Version2):
            directory, name = measured.cgroup, "memory.pressure"
        else:
            return False
        data = tick.reader.read(directory, name, optional=True)
        stalls = procfs.stall_seconds(data, tick.reader.bad(directory, name))
        measured.snapshot.pressure_some = stalls.get(b"some")
        measured.snapshot.pressure_full = stalls.get(b"full")
        return data != b""
