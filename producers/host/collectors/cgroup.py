"""Containers, pods and systemd units: everything that has a cgroup of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import ClassVar

from producers.host.cgroupfs import Hierarchy, subdirectories
from producers.host.collectors.base import NoData
from producers.host.context import Context
from producers.host.identity import Identity
from producers.host.procfs import Stat
from producers.host.reader import VANISHED
from producers.host.tick import Tick
from producers.host.workload import Workload, classify


@dataclass(slots=True)
class Group:
    """A cgroup to publish: its directory, and the processes in it and in all groups below."""

    directory: str
    workload: Workload
    pids: list[int] = field(default_factory=list)


class CgroupCollector:
    """One snapshot per container, pod and unit, from cgroup v2 or v1."""

    NAME: ClassVar[str] = "cgroup"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mains: dict[str, int] = {}

    def collect(self, tick: Tick) -> None:
        """Measure.

        Raises
        ------
        NoData
            If the host has no memory controller.
        """
        hierarchy = tick.hierarchy
        if hierarchy is None:
            raise NoData(f"{self._context.cgroupfs} has no memory controller")
        groups = _walk(tick, hierarchy)
        self._mains = {group.directory: self._main_pid(group) for group in groups if group.pids}
        for group in groups:
            self._measure(tick, hierarchy, group)

    def _main_pid(self, group: Group) -> int:
        """Return the main process of a group: the first one listed, for as long as it lives."""
        known = self._mains.get(group.directory)
        return known if known in group.pids else group.pids[0]

    def _measure(self, tick: Tick, hierarchy: Hierarchy, group: Group) -> None:
        pid = self._mains.get(group.directory)
        main = tick.stat(pid) if pid else None
        identity = self._identify(tick, hierarchy, group, main)
        if identity is None:
            return
        values = hierarchy.fields(group.directory)
        if values is None:
            if not os.path.isdir(group.directory):
                tick.reader.skip(VANISHED, group.directory)
            return
        limit = hierarchy.limit(group.directory)
        sizes = [size for size in (limit and limit.limit, tick.memory_total) if size is not None]
        tick.covered.update(group.pids)
        tick.add(
            identity,
            group.directory,
            started=self._context.started(main.start_ticks if main else None),
            total=min(sizes, default=None),
            available=tick.memory_available,
            limit=limit,
            **values,
        )

    def _identify(self, tick: Tick, hierarchy: Hierarchy, group: Group, main: Stat | None) -> Identity | None:
        identify = self._context.identify
        command = tick.command(self._mains[group.directory]) if main and identify.reads_commands else ""
        path = hierarchy.path(group.directory)
        return identify.cgroup(path, group.workload, main.comm if main else None, command)


def _walk(tick: Tick, hierarchy: Hierarchy) -> list[Group]:
    """Return the groups to publish, outer ones first; a process belongs to every group around it."""
    # Not recursive: groups may be nested deeper than Python's limit of recursion.
    groups: list[Group] = []
    waiting: list[tuple[str, list[Group]]] = [(hierarchy.root, [])]
    while waiting:
        directory, around = waiting.pop()
        workload = classify(hierarchy.path(directory))
        if workload:
            groups.append(Group(directory, workload))
            around = [*around, groups[-1]]
        if around:
            pids = hierarchy.pids(directory)
            for group in around:
                group.pids.extend(pids)
        try:
            children = subdirectories(directory)
        except OSError as error:
            tick.reader.skip_error(error, directory)
            continue
        waiting += [(f"{directory}/{child}", around) for child in reversed(children)]
    return groups
