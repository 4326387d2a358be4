"""Prometheus' metrics, as the Collector's Prometheus receiver puts them into OpenTelemetry's messages."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.bridge.otlp import BEGIN, MIB, Attributes, Point, message
from tests.bridge.support import column, decoded, snapshots
from tests.prometheus.support import INSTANCE

KUBELET: Attributes = {
    "service.name": "kubelet",
    "service.instance.id": "10.0.0.5:10250",
    "server.address": "10.0.0.5",
    "server.port": "10250",
    "url.scheme": "https",
    "k8s.node.name": "node-a",
}
NAMES = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": "cart"}
SERIES: Attributes = {
    **NAMES, "id": "/kubepods/burstable/pod1/a", "image": "registry:5000/shop/cart:1.4.2", "name": "a",
}  # fmt: skip
# The receiver takes the names of the target's own pod from Prometheus' service discovery.
STATE: Attributes = {
    "service.name": "kube-state-metrics",
    "service.instance.id": "10.0.0.9:8080",
    "k8s.namespace.name": "monitoring",
    "k8s.pod.name": "kube-state-metrics-0",
    "k8s.container.name": "kube-state-metrics",
}
EXPORTER: Attributes = {"service.name": "node", "service.instance.id": "10.0.0.5:9100"}


def cadvisor(labels: Attributes = SERIES) -> list[Point]:
    """Return what cAdvisor tells of a container."""
    every = {
        "container_memory_working_set_bytes": 120.0 * MIB,
        "container_memory_rss": 100.0 * MIB,
        "container_memory_usage_bytes": 160.0 * MIB,
        "container_memory_cache": 40.0 * MIB,
        "container_spec_memory_limit_bytes": 0.0,
        "container_start_time_seconds": BEGIN - 500,
        "container_cpu_usage_seconds_total": 7.5,
        "container_oom_events_total": 2.0,
    }
    return [Point(name, value, BEGIN, labels, sum=name.endswith("_total")) for name, value in every.items()]


def of(*resources: tuple[Attributes, list[Point]]) -> Snapshot:
    """Return the one snapshot of some resources."""
    (made,) = snapshots(message(*resources))
    return made


# cAdvisor.


def test_a_container_of_the_kubelets_cadvisor() -> None:
    assert of((KUBELET, cadvisor())) == Snapshot(
        service="shop/cart/cart",
        instance=INSTANCE,
        timestamp=BEGIN,
        host="node-a",
        scope="container",
        version="1.4.2",
        started=BEGIN - 500,
        labels=NAMES,
        used=160 * MIB,
        anon=100 * MIB,
        file=40 * MIB,
        working_set=120 * MIB,
        oom_kills=2,
        cpu_seconds=7.5,
    )


@pytest.mark.parametrize(
    "labels",
    [
        {**SERIES, "container": "POD"},
        {"id": "/kubepods/burstable/pod1", "namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z"},
        {"id": "/system.slice/kubelet.service"},
        {"id": "/"},
    ],
)
def test_the_groups_around_containers_are_none(labels: Attributes) -> None:
    assert snapshots(message((KUBELET, cadvisor(labels)))) == []


@pytest.mark.parametrize("order", [1, -1])
def test_the_time_of_each_processor_is_not_that_of_all(order: int) -> None:
    every = [
        Point("container_cpu_usage_seconds_total", seconds, BEGIN, {**SERIES, "cpu": name})
        for name, seconds in (("cpu00", 3.0), ("total", 5.0))
    ]
    made = of((KUBELET, [Point("container_memory_rss", 5.0, BEGIN, SERIES), *every[::order]]))
    assert made.cpu_seconds == 5.0


def test_the_pod_of_a_cadvisor_alone_does_not_name_containers() -> None:
    own: Attributes = {
        **EXPORTER,
        "k8s.namespace.name": "monitoring",
        "k8s.pod.name": "cadvisor-x2x4z",
        "k8s.container.name": "cadvisor",
        "k8s.node.name": "node-a",
    }
    labels: Attributes = {"id": "/docker/0123", "image": "shop/web:2", "name": "web-1"}
    made = of((own, cadvisor(labels)))
    assert (made.service, made.instance, made.labels) == (
        "container/web-1",
        "node-a/web-1",
        {"container": "web-1"},
    )
    assert [one.instance for one in snapshots(message((own, cadvisor({"id": "/"}))))] == []


def test_a_series_that_ended_is_not_measured() -> None:
    ended = [point._replace(flags=1) for point in cadvisor()]
    assert snapshots(message((KUBELET, ended))) == []


@pytest.mark.parametrize("none", [0.0, 9.223372036854772e18])
def test_a_limit_that_is_none_is_not_counted_as_wrong(none: float) -> None:
    points = [
        Point("container_memory_rss", 5.0, attributes=SERIES),
        Point("container_spec_memory_limit_bytes", none, attributes=SERIES),
    ]
    assert decoded(message((KUBELET, points))).left == {}
    assert of((KUBELET, points)).limit is None


# kube-state-metrics.


def of_state(metric: str, value: float, **labels: str) -> Point:
    """Return what kube-state-metrics tells of a container."""
    return Point(metric, value, BEGIN, {**NAMES, **labels})


LIMIT = of_state("kube_pod_container_resource_limits", 512.0 * MIB, resource="memory", unit="byte")


def test_the_names_of_its_own_pod_are_not_those_of_what_it_tells_of() -> None:
    made = snapshots(message((KUBELET, cadvisor()), (STATE, [LIMIT])))
    assert (column(made, "instance"), column(made, "limit")) == ([INSTANCE], [512 * MIB])


def test_labels_of_the_exporter_are_the_true_ones_where_the_targets_stand_in_their_place() -> None:
    exported: Attributes = {f"exported_{name}": value for name, value in NAMES.items()}
    scraped: Attributes = {"namespace": "monitoring", "pod": "kube-state-metrics-0", "container": "main"}
    limit = LIMIT._replace(attributes={**exported, **scraped, "resource": "memory"})
    assert of((KUBELET, cadvisor()), (STATE, [limit])).limit == 512 * MIB


def test_a_limit_of_something_else_is_none() -> None:
    cpu = of_state("kube_pod_container_resource_limits", 2.0, resource="cpu")
    assert of((KUBELET, cadvisor()), (STATE, [cpu])).limit is None


OWNER = of_state("kube_pod_owner", 1.0, owner_kind="ReplicaSet", owner_name="web-7d9f8c6b5")
NOTED = of_state(
    "kube_pod_labels", 1.0, label_app_kubernetes_io_name="noted", label_app_kubernetes_io_version="3"
)


def test_the_owner_of_a_pod_names_the_workload() -> None:
    assert of((STATE, [OWNER]), (KUBELET, cadvisor())).service == "shop/web/cart"


def test_the_labels_of_a_pod_name_the_workload_and_its_version() -> None:
    made = of((STATE, [NOTED]), (KUBELET, cadvisor()))
    assert (made.service, made.version) == ("shop/noted/cart", "3")


def test_labels_come_before_the_owner_where_both_are_told_at_one_time() -> None:
    made = of((STATE, [OWNER, NOTED]), (KUBELET, cadvisor()))
    assert (made.service, made.version) == ("shop/noted/cart", "3")


def test_a_restart_and_its_reason_are_joined() -> None:
    parts = []
    for number, restarts in enumerate((0.0, 0.0, 0.0, 1.0, 1.0, 1.0)):
        told = [
            of_state("kube_pod_container_status_restarts_total", restarts),
            of_state("kube_pod_container_status_last_terminated_reason", restarts, reason="OOMKilled"),
        ]
        every = [(KUBELET, [Point("container_memory_rss", 5.0, attributes=SERIES)]), (STATE, told)]
        time = BEGIN + 60 * number
        parts.append(message(*((one, [p._replace(time=time) for p in points]) for one, points in every)))
    kills = column(snapshots(*parts), "oom_kills")
    assert (kills[0], kills[-1]) == (0, 1)


# Processes.

RESIDENT = [
    Point("process_resident_memory_bytes", 80.0 * MIB),
    Point("process_start_time_seconds", BEGIN - 500),
    Point("process_cpu_seconds_total", 3.0, sum=True),
]


def test_the_memory_of_a_process_is_that_of_its_target() -> None:
    made = of((STATE, RESIDENT))
    assert (made.service, made.instance) == (
        "process/monitoring/kube-state-metrics/kube-state-metrics",
        "process/monitoring.kube-state-metrics-0.kube-state-metrics",
    )
    assert (made.used, made.started, made.cpu_seconds) == (80 * MIB, BEGIN - 500, 3.0)


def test_a_process_without_a_pod_is_named_by_its_job() -> None:
    made = of((EXPORTER, RESIDENT))
    assert (made.service, made.instance) == ("process/node", "node/10.0.0.5:9100")
    assert (made.host, made.labels) == ("10.0.0.5", {"job": "node"})


# Hosts.


def exported(**others: float) -> list[Point]:
    """Return what node_exporter tells."""
    every = {
        "node_memory_MemTotal_bytes": 1000.0 * MIB,
        "node_memory_MemAvailable_bytes": 400.0 * MIB,
        "node_boot_time_seconds": BEGIN - 500,
        **others,
    }
    return [Point(name, value) for name, value in every.items()]


def test_a_host_is_named_by_its_target() -> None:
    made = of((EXPORTER, exported()))
    assert (made.service, made.instance, made.scope) == ("host/10.0.0.5", "10.0.0.5", "host")
    assert (made.total, made.used, made.limit_used, made.started) == (
        1000 * MIB,
        600 * MIB,
        600 * MIB,
        BEGIN - 500,
    )


def test_a_host_is_named_by_the_node_of_its_target() -> None:
    made = of(({**EXPORTER, "k8s.node.name": "node-a"}, exported()))
    assert (made.service, made.instance) == ("host/node-a", "node-a")


def test_a_host_has_the_name_that_node_exporter_tells() -> None:
    name = Point("node_uname_info", 1.0, attributes={"nodename": "node-a", "sysname": "Linux"})
    made = of((EXPORTER, [name, *exported()]))
    assert (made.service, made.instance) == ("host/node-a", "node-a")


def test_windows() -> None:
    every = {
        "windows_memory_available_bytes": 400.0 * MIB,
        "windows_memory_physical_total_bytes": 1000.0 * MIB,
        "windows_system_boot_time_timestamp": BEGIN - 500,
    }
    made = of((EXPORTER, [Point(name, value) for name, value in every.items()]))
    assert (made.total, made.used, made.available, made.started) == (
        1000 * MIB,
        600 * MIB,
        400 * MIB,
        BEGIN - 500,
    )
