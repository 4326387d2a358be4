"""Containers and nodes of Kubernetes, as the Collector's `kubelet_stats` and `k8s_cluster` measure them."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.bridge.otlp import BEGIN, MIB, POD, WITH_ATTRIBUTES, Attributes, Point, cluster, kubelet, message
from tests.bridge.support import Bridge, column, snapshots
from tests.prometheus.support import INSTANCE

STEP = 10.0
RSS = 100 * MIB
LABELS = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": "cart"}
DIGEST = "sha256:" + "0123456789ab" + "c" * 52


def of(extra: Attributes, base: Attributes = POD) -> Snapshot:
    """Return the snapshot of a container with further attributes."""
    (made,) = snapshots(message(kubelet(BEGIN, RSS, {**base, **extra})))
    return made


def test_a_container_with_the_attributes_of_its_pod() -> None:
    assert of({}, WITH_ATTRIBUTES) == Snapshot(
        service="shop/cart/cart",
        instance=INSTANCE,
        timestamp=BEGIN,
        host="node-a",
        scope="container",
        version="1.4.2",
        started=BEGIN - 3600,
        labels=LABELS,
        total=512 * MIB,
        used=RSS + 60 * MIB,
        anon=RSS,
        working_set=RSS + 20 * MIB,
        limit=512 * MIB,
        limit_used=RSS + 20 * MIB,
        faults_major=3,
        cpu_seconds=3600.0,
    )


def test_without_them_the_pod_names_the_workload() -> None:
    made = of({})
    assert (made.service, made.instance) == ("shop/cart/cart", INSTANCE)
    assert (made.host, made.version, made.labels) == (None, None, LABELS)


def test_a_start_that_is_garbage_is_left_out() -> None:
    """The receiver writes one for a time that the kubelet does not tell."""
    attributes, points = kubelet(BEGIN, RSS)
    (made,) = snapshots(message((attributes, [point._replace(start=18.4e9) for point in points])))
    assert (made.started, made.anon) == (None, RSS)


def test_the_cluster_is_the_environment_and_stands_before_the_instance() -> None:
    made = of({"k8s.cluster.name": "east"})
    assert (made.environment, made.service, made.instance) == ("east", "shop/cart/cart", f"east/{INSTANCE}")


def test_the_memory_of_a_pod_is_no_snapshot() -> None:
    pod = {name: value for name, value in POD.items() if name != "k8s.container.name"}
    assert (
        snapshots(message((pod, [Point("k8s.pod.memory.working_set", 5), Point("k8s.pod.memory.rss", 5)])))
        == []
    )


# The workload and its version.

# In OpenTelemetry's order: each one comes before all that follow it.
NAMES: list[tuple[str, str, str]] = [
    ("service.name", "noted here", "noted_here"),
    ("k8s.pod.annotations.resource.opentelemetry.io/service.name", "by-annotation", "by-annotation"),
    ("k8s.pod.labels.app.kubernetes.io/instance", "by-instance", "by-instance"),
    ("k8s.pod.labels.app.kubernetes.io/name", "by-name", "by-name"),
    ("k8s.deployment.name", "by-deployment", "by-deployment"),
    ("k8s.replicaset.name", "by-replicaset-7d9f8c6b5", "by-replicaset"),
    ("k8s.statefulset.name", "by-statefulset", "by-statefulset"),
    ("k8s.daemonset.name", "by-daemonset", "by-daemonset"),
    ("k8s.cronjob.name", "by-cronjob", "by-cronjob"),
    ("k8s.job.name", "by-job-29301120", "by-job"),
]


@pytest.mark.parametrize("place", range(len(NAMES)), ids=[name for name, _, _ in NAMES])
def test_the_first_name_in_opentelemetrys_order_is_the_workload(place: int) -> None:
    given = {name: value for name, value, _ in reversed(NAMES[place:])}
    assert of(given).service == f"shop/{NAMES[place][2]}/cart"


VERSIONS: list[tuple[Attributes, str]] = [
    ({"service.version": "5"}, "5"),
    ({"k8s.pod.annotations.resource.opentelemetry.io/service.version": "4"}, "4"),
    ({"k8s.pod.labels.app.kubernetes.io/version": "3"}, "3"),
    ({"container.image.name": "shop/cart", "container.image.tag": "1.4.2"}, "1.4.2"),
]


@pytest.mark.parametrize("place", range(len(VERSIONS)))
def test_the_first_version_in_opentelemetrys_order_counts(place: int) -> None:
    given = {name: value for attributes, _ in VERSIONS[place:] for name, value in attributes.items()}
    assert of(given).version == VERSIONS[place][1]


@pytest.mark.parametrize("what", ["label", "labels"])
def test_labels_and_annotations_are_read_in_both_spellings(what: str) -> None:
    assert of({f"k8s.pod.{what}.app.kubernetes.io/name": "web"}).service == "shop/web/cart"
    assert of({f"k8s.pod.{what}.app.kubernetes.io/version": "2"}).version == "2"
    annotation = what.replace("label", "annotation")
    name = f"k8s.pod.{annotation}.resource.opentelemetry.io/service.name"
    assert of({name: "web"}).service == "shop/web/cart"


@pytest.mark.parametrize("space", ["namespace", "node", "deployment"])
def test_labels_of_others_than_the_pod_name_no_workload(space: str) -> None:
    assert of({f"k8s.{space}.labels.app.kubernetes.io/name": "web"}).service == "shop/cart/cart"


IMAGE: Attributes = {"container.image.name": "registry:5000/shop/cart"}
REPO = f"registry:5000/shop/cart@{DIGEST}"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ({}, None),
        ({"container.image.tag": "latest"}, None),
        ({"container.image.tags": ["1.4.3", "1.4"]}, "1.4.3"),
        ({"container.image.repo_digests": [REPO]}, DIGEST[:19]),
        ({"container.image.tag": "1.4.2", "container.image.repo_digests": [REPO]}, "1.4.2"),
        ({"container.image.tag": "latest", "container.image.repo_digests": [REPO]}, DIGEST[:19]),
    ],
)
def test_the_image_tells_the_version(image: Attributes, version: str | None) -> None:
    assert of({**IMAGE, **image}).version == version


# Limits.


def test_without_a_limit_there_is_neither_limit_nor_total() -> None:
    (made,) = snapshots(message(kubelet(BEGIN, RSS, limit=None)))
    assert (made.limit, made.limit_used, made.total) == (None, None, None)
    assert (made.anon, made.working_set) == (RSS, RSS + 20 * MIB)


def test_the_limit_of_k8s_cluster_is_that_of_its_container() -> None:
    other: Attributes = {**POD, "k8s.container.name": "proxy"}
    value = message(
        kubelet(BEGIN, RSS, limit=None), kubelet(BEGIN, RSS, other, limit=None), cluster(BEGIN, 400 * MIB)
    )
    made = snapshots(value)
    assert column(made, "limit", INSTANCE) == column(made, "total", INSTANCE) == [400 * MIB]
    assert column(made, "limit_used", INSTANCE) == [RSS + 20 * MIB]
    assert column(made, "limit", "shop.cart-7d9f8c6b5-x2x4z.proxy") == [None]


def test_it_comes_before_that_of_what_is_left() -> None:
    assert column(snapshots(message(kubelet(BEGIN, RSS), cluster(BEGIN, 400 * MIB))), "limit") == [400 * MIB]


@pytest.mark.parametrize("order", [1, -1])
def test_it_may_come_from_another_collector_at_another_time(order: int) -> None:
    parts = [message(kubelet(BEGIN, RSS, limit=None)), message(cluster(BEGIN + 3, 400 * MIB))]
    assert column(snapshots(*parts[::order]), "limit") == [400 * MIB]


def test_what_only_k8s_cluster_tells_is_no_snapshot() -> None:
    assert (
        snapshots(message(cluster(BEGIN, 400 * MIB, restarts=1)), message(cluster(BEGIN + 60, 400 * MIB)))
        == []
    )


# Restarts and OOM kills.


def killed(*told: tuple[int, str | None], apart: bool = False) -> list[int | None]:
    """Return the OOM kills after each count of restarts and the reason of the last end."""
    bridge = Bridge()
    for number, (restarts, reason) in enumerate(told):
        time = BEGIN + number * STEP
        resources = [kubelet(time, RSS), cluster(time, 512 * MIB, restarts, reason)]
        bridge.send(*(map(message, resources) if apart else [message(*resources)]))
    return column(bridge.end(), "oom_kills")


KILLS = [(1, "OOMKilled"), (1, "OOMKilled"), (2, "OOMKilled"), (3, "Error"), (4, "OOMKilled")]


@pytest.mark.parametrize("apart", [False, True])
def test_each_restart_after_an_oom_kill_counts(apart: bool) -> None:
    made = killed((0, None), (0, None), *KILLS, apart=apart)
    assert (made[0], made[-1]) == (0, 3)


@pytest.mark.parametrize("apart", [False, True])
def test_a_kill_counts_from_its_own_time_on(apart: bool) -> None:
    assert killed((0, None), *KILLS, apart=apart) == [0, 1, 1, 2, 2, 3]


def test_a_restart_for_another_reason_is_no_kill() -> None:
    assert killed((3, None), (4, "Error"), (5, None)) == [0, 0, 0]


def test_a_kill_before_the_first_reading_does_not_count() -> None:
    assert killed((7, "OOMKilled"), (7, "OOMKilled")) == [0, 0]


def test_without_k8s_cluster_no_kills_are_known() -> None:
    assert column(snapshots(message(kubelet(BEGIN, RSS))), "oom_kills") == [None]


# Nodes.


def test_a_node() -> None:
    points = [
        Point("k8s.node.memory.working_set", 600 * MIB),
        Point("k8s.node.memory.available", 400 * MIB),
        Point("k8s.node.memory.rss", 500 * MIB),
        Point("k8s.node.memory.usage", 700 * MIB),
        Point("k8s.node.cpu.time", 90.0, sum=True, start=BEGIN - 100),
    ]
    assert snapshots(message(({"k8s.node.name": "node-a", "k8s.cluster.name": "east"}, points))) == [
        Snapshot(
            service="host/node-a",
            instance="east/node-a",
            timestamp=BEGIN,
            host="node-a",
            scope="host",
            environment="east",
            started=BEGIN - 100,
            total=1000 * MIB,
            limit=1000 * MIB,
            limit_used=600 * MIB,
            used=600 * MIB,
            available=400 * MIB,
            anon=500 * MIB,
            working_set=600 * MIB,
            cpu_seconds=90.0,
        )
    ]
