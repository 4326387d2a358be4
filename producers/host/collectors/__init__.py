"""The registry of collectors, in the order in which they run: each is one file and one line here."""

from __future__ import annotations

from collections.abc import Sequence

from producers.host.collectors.base import Collector, NoData
from producers.host.collectors.cgroup import CgroupCollector
from producers.host.collectors.host import HostCollector
from producers.host.collectors.pressure import PressureCollector
from producers.host.collectors.process import ProcessCollector

COLLECTORS: dict[str, type[Collector]] = {
    HostCollector.NAME: HostCollector,
    # Cgroups run before processes: processes of published cgroups are left out.
    CgroupCollector.NAME: CgroupCollector,
    ProcessCollector.NAME: ProcessCollector,
    # Fills fields of the snapshots above.
    PressureCollector.NAME: PressureCollector,
}


class UnknownCollector(ValueError):
    """A name that is not in COLLECTORS; the message lists the names that are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no collector {name}, only {', '.join(COLLECTORS)}")
        self.name = name


def default_names() -> list[str]:
    """Return the names of the collectors that run when the setting names none."""
    return [name for name, collector in COLLECTORS.items() if collector.DEFAULT]


def select(names: Sequence[str] | None) -> list[type[Collector]]:
    """Return the collectors of these names, in the order of COLLECTORS; for None every default collector.

    Raises
    ------
    UnknownCollector
        If a name is not in COLLECTORS.
    """
    wanted = default_names() if names is None else names
    for name in wanted:
        if name not in COLLECTORS:
            raise UnknownCollector(name)
    return [collector for name, collector in COLLECTORS.items() if name in wanted]


__all__ = ["COLLECTORS", "Collector", "NoData", "UnknownCollector", "default_names", "select"]
