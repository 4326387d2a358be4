"""Hosts, as the Collector's `host_metrics` measures them: each of its scrapers at a time of its own."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.bridge.otlp import BEGIN, MIB, Attributes, Point, message
from tests.bridge.support import column, snapshots

HOST: Attributes = {"host.name": "h", "os.type": "linux"}
STATES = {
    "used": 600, "free": 100, "cached": 250, "buffered": 50, "slab_reclaimable": 40, "slab_unreclaimable": 20,
}  # fmt: skip
BOOT = BEGIN - 5000
STEP = 10.0


def memory(time: float = BEGIN, **others: int) -> list[Point]:
    """Return what the scraper of memory tells, in MiB by state."""
    return [
        Point("system.memory.usage", size * MIB, time, {"state": state}, BOOT, sum=True)
        for state, size in (others or STATES).items()
    ]


def paging(time: float, used: int = 30) -> list[Point]:
    """Return what the scraper of swap tells, of two devices."""
    return [
        Point("system.paging.usage", size * MIB, time, {"device": device, "state": state}, BOOT, sum=True)
        for device, parts in (
            ("/dev/sda2", {"used": used, "free": 70}),
            ("/swapfile", {"used": 1, "free": 0}),
        )
        for state, size in parts.items()
    ]


def processor(time: float, seconds: float = 90.0) -> list[Point]:
    """Return what the scraper of processors tells, of two of them."""
    return [
        Point("system.cpu.time", seconds, time, {"cpu": name, "state": state}, BOOT, sum=True)
        for name in ("cpu0", "cpu1")
        for state in ("user", "idle")
    ]


def scraped(begin: float) -> list[bytes]:
    """Return one collection: a message for each scraper, each a few milliseconds later."""
    return [
        message((HOST, points)) for points in (memory(begin), paging(begin + 0.005), processor(begin + 0.007))
    ]


def test_what_the_scraper_of_memory_tells() -> None:
    assert snapshots(message((HOST, memory()))) == [
        Snapshot(
            service="host/h",
            instance="h",
            timestamp=BEGIN,
            host="h",
            scope="host",
            total=1000 * MIB,
            limit=1000 * MIB,
            limit_used=600 * MIB,
            used=600 * MIB,
            free=100 * MIB,
            file=300 * MIB,
            slab_reclaimable=40 * MIB,
            slab_unreclaimable=20 * MIB,
        )
    ]


@pytest.mark.parametrize("name", ["system.linux.memory.available", "system.memory.linux.available"])
def test_what_is_available_and_the_total_come_before_the_sum(name: str) -> None:
    points = [*memory(), Point(name, 380 * MIB), Point("system.memory.limit", 1010 * MIB, sum=True)]
    (made,) = snapshots(message((HOST, points)))
    assert (made.total, made.available, made.used) == (1010 * MIB, 380 * MIB, 630 * MIB)
    assert (made.limit, made.limit_used) == (1010 * MIB, 630 * MIB)


def test_each_scraper_has_its_own_time_and_the_next_snapshot_has_what_they_told() -> None:
    made = snapshots(*scraped(BEGIN), *scraped(BEGIN + STEP), *scraped(BEGIN + 2 * STEP))
    assert column(made, "timestamp") == [BEGIN, BEGIN + STEP, BEGIN + 2 * STEP]
    assert column(made, "swap_used") == [None, 31 * MIB, 31 * MIB]
    assert column(made, "started") == [None, BOOT, BOOT]
    assert column(made, "cpu_seconds") == [None, 180.0, 180.0]


def test_scrapers_at_one_time_are_one_snapshot_in_any_order() -> None:
    parts = [message((HOST, points)) for points in (processor(BEGIN), paging(BEGIN), memory())]
    (made,) = snapshots(*parts)
    assert (made.swap_used, made.started, made.cpu_seconds) == (31 * MIB, BOOT, 180.0)


def test_a_host_that_booted_begins_a_run() -> None:
    again = [point._replace(start=BEGIN + 60) for point in processor(BEGIN + 70, 1.0)]
    parts = [memory() + processor(BEGIN), memory(BEGIN + 70) + again]
    made = snapshots(*(message((HOST, points)) for points in parts))
    assert column(made, "started") == [BOOT, BEGIN + 60]


def test_without_any_memory_there_is_no_snapshot() -> None:
    assert snapshots(message((HOST, paging(BEGIN) + processor(BEGIN)))) == []


def test_a_host_that_is_a_node_has_its_name() -> None:
    (made,) = snapshots(message(({**HOST, "k8s.node.name": "node-a", "k8s.cluster.name": "east"}, memory())))
    assert (made.service, made.instance, made.host, made.environment) == (
        "host/node-a", "east/node-a", "node-a", "east",
    )  # fmt: skip


def test_without_a_name_there_is_no_host() -> None:
    assert snapshots(message(({"os.type": "linux"}, memory()))) == []


# Where a system tells less.


def test_the_total_of_a_system_with_other_states_is_their_sum() -> None:
    (made,) = snapshots(message((HOST, memory(used=600, free=100, inactive=300))))
    assert (made.used, made.free) == (600 * MIB, 100 * MIB)
    assert (made.total, made.limit, made.limit_used) == (1000 * MIB, 1000 * MIB, 600 * MIB)


def test_a_state_that_is_not_told_is_not_0() -> None:
    assert column(snapshots(message((HOST, memory(used=600, free=100, inactive=300)))), "file") == [None]


def test_available_memory_that_exceeds_the_total_is_left_out() -> None:
    points = [*memory(), Point("system.linux.memory.available", 2000 * MIB)]
    (made,) = snapshots(message((HOST, points)))
    assert (made.available, made.used, made.total) == (None, None, 1000 * MIB)
