"""The collectors, in the order in which they run: one file and one line here for each."""

from __future__ import annotations

from producers.host.collectors.base import Collector, NoData
from producers.host.collectors.cgroup import CgroupCollector
from producers.host.collectors.host import HostCollector
from producers.host.collectors.pressure import PressureCollector
from producers.host.collectors.process import ProcessCollector

COLLECTORS: dict[str, type[Collector]] = {
    HostCollector.NAME: HostCollector,
    # Processes of published cgroups are left out, so cgroups come before processes.
    CgroupCollector.NAME: CgroupCollector,
    ProcessCollector.NAME: ProcessCollector,
    # Fills fields of the snapshots above.
    PressureCollector.NAME: PressureCollector,
}

__all__ = ["COLLECTORS", "Collector", "NoData"]
