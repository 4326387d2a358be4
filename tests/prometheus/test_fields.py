"""Which field of a snapshot each metric of an exporter is."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.prometheus.support import BEGIN, GIB, KUBELET, MIB, NODE, POD, assembled, series


def only(history: dict[str, tuple[dict[str, str], float]], preset: str) -> Snapshot:
    """Return the snapshot of metrics with one value each."""
    every = {metric: [series(labels, [value])] for metric, (labels, value) in history.items()}
    (snapshot,) = assembled(every, preset)
    return snapshot


@pytest.mark.parametrize(("limit", "total"), [(MIB, MIB), (2 * GIB, GIB)])
def test_a_container_sees_the_smaller_of_its_limit_and_the_machine(limit: int, total: int) -> None:
    snapshot = only(
        {
            "container_memory_working_set_bytes": (KUBELET, 7),
            "container_memory_usage_bytes": (KUBELET, 9),
            "container_spec_memory_limit_bytes": (KUBELET, limit),
            "machine_memory_bytes": (NODE, GIB),
        },
        "cadvisor",
    )
    assert (snapshot.limit, snapshot.limit_used, snapshot.used, snapshot.total) == (limit, 7, 9, total)


@pytest.mark.parametrize(
    "metric", ["kube_pod_container_resource_limits", "kube_pod_container_resource_limits_memory_bytes"]
)
def test_limits_of_kubernetes_have_two_names(metric: str) -> None:
    memory = {"container_memory_rss": (KUBELET, 7.0)}
    assert only({**memory, metric: ({**POD, "resource": "memory"}, MIB)}, "cadvisor").limit == MIB


@pytest.mark.parametrize(("limit", "used", "total"), [(MIB, 7, MIB), (2 * GIB, 7, GIB), (None, None, GIB)])
def test_a_process_uses_the_limit_of_its_container(limit: int | None, used: int | None, total: int) -> None:
    limits = (
        {}
        if limit is None
        else {"kube_pod_container_resource_limits": ({**POD, "resource": "memory"}, limit)}
    )
    labels = {**POD, "job": "cart", "instance": "10.0.0.5:8000"}
    snapshot = only(
        {
            "process_resident_memory_bytes": (labels, 7),
            "process_start_time_seconds": (labels, 1.5),
            "process_cpu_seconds_total": (labels, 2.5),
            "node_memory_MemTotal_bytes": (NODE, GIB),
            "node_memory_MemAvailable_bytes": (NODE, GIB // 2),
            **limits,
        },
        "process",
    )
    assert (snapshot.used, snapshot.limit, snapshot.limit_used) == (7, limit, used)
    assert (snapshot.total, snapshot.available) == (total, GIB // 2)
    assert (snapshot.started, snapshot.cpu_seconds) == (1.5, 2.5)


def test_a_linux_host() -> None:
    values = {
        "MemAvailable_bytes": 600, "MemTotal_bytes": 1000, "MemFree_bytes": 300, "AnonPages_bytes": 200,
        "Cached_bytes": 150, "Buffers_bytes": 50, "SwapTotal_bytes": 100, "SwapFree_bytes": 60,
        "SUnreclaim_bytes": 11, "SReclaimable_bytes": 12, "Shmem_bytes": 13, "Active_bytes": 14,
        "KernelStack_bytes": 15, "PageTables_bytes": 16,
    }  # fmt: skip
    others = {
        "node_pressure_memory_waiting_seconds_total": 1.5, "node_pressure_memory_stalled_seconds_total": 0.5,
        "node_vmstat_oom_kill": 3, "node_boot_time_seconds": 99.5,
    }  # fmt: skip
    history = {f"node_memory_{name}": value for name, value in values.items()} | others
    assert only({metric: (NODE, value) for metric, value in history.items()}, "node") == Snapshot(
        service="host/10.0.0.5", instance="10.0.0.5", timestamp=BEGIN, host="10.0.0.5", scope="host",
        started=99.5, total=1000, available=600, used=400, free=300, anon=200, file=200, swap_total=100,
        swap_used=40, slab_unreclaimable=11, slab_reclaimable=12, shmem=13, active=14, kernel_stack=15,
        page_tables=16, limit=1000, limit_used=400, pressure_some=1.5, pressure_full=0.5, oom_kills=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("available", "total", "started"),
    [
        ("memory_available_bytes", "memory_physical_total_bytes", "system_boot_time_timestamp_seconds"),
        ("memory_physical_free_bytes", "memory_physical_total_bytes", "system_boot_time_timestamp"),
        ("os_physical_memory_free_bytes", "cs_physical_memory_bytes", "system_system_up_time"),
    ],
)
def test_a_windows_host_by_new_and_old_names(available: str, total: str, started: str) -> None:
    labels = {"instance": "win-1:9182"}
    history = {f"windows_{available}": 600, f"windows_{total}": 1000, f"windows_{started}": 99.5}
    assert only({metric: (labels, value) for metric, value in history.items()}, "windows") == Snapshot(
        service="host/win-1", instance="win-1", timestamp=BEGIN, host="win-1", scope="host",
        started=99.5, total=1000, available=600, used=400, limit=1000, limit_used=400,
    )  # fmt: skip
