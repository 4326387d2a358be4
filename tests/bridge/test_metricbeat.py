"""Metricbeat: containers and nodes, from events to snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from fleetleak.records import Snapshot
from tests.bridge.metricbeat import (
    CONTAINER,
    DOCKER,
    INSTANCE,
    NODE,
    POD,
    STATE,
    container,
    read,
    state,
    text_of,
)
from tests.bridge.support_collectd import BEGIN, GIB, MIB

OF_CONTAINER = Snapshot(
    service="shop/cart/cart",
    instance=INSTANCE,
    timestamp=BEGIN,
    host="node-a",
    scope="container",
    started=1_699_992_439.0,
    labels={"namespace": "shop", "pod": POD, "container": "cart"},
    total=256 * MIB,
    used=110 * MIB,
    anon=60 * MIB,
    working_set=96 * MIB,
    limit=256 * MIB,
    limit_used=96 * MIB,
    faults_major=146,
    cpu_seconds=83.5,
)


def test_a_container() -> None:
    outcome = read(CONTAINER)
    assert outcome.snapshots == [OF_CONTAINER]
    assert not outcome.left
    assert not outcome.not_assembled


def test_an_event_of_version_7() -> None:
    # As it is in its repository: without a limit and without the owner of the pod.
    text = """
    {"@timestamp":"2018-06-20T16:47:49.597Z","@metadata":{"beat":"metricbeat","type":"doc"},
     "metricset":{"rtt":68697,"name":"container","module":"kubernetes","host":"192.168.99.100:10255"},
     "kubernetes":{"namespace":"kube-system","node":{"name":"minikube"},
      "pod":{"name":"kube-dns-6f4fd4bdf-wlmht"},
      "container":{"start_time":"2018-06-20T10:07:19Z",
       "status":{"restarts":5,"phase":"running","ready":true},
       "image":"gcr.io/google_containers/k8s-dns-sidecar-amd64:1.14.7","name":"sidecar",
       "cpu":{"request":{"cores":0.01},"usage":{"nanocores":4741228,"core":{"ns":83347618953}}},
       "memory":{"workingset":{"bytes":16404480},"rss":{"bytes":11902976},"pagefaults":4658,
        "majorpagefaults":146,"request":{"bytes":20971520},"available":{"bytes":0},
        "usage":{"bytes":29204480}}}},
     "host":{"name":"X1"},"beat":{"name":"X1","hostname":"X1","version":"7.0.0-alpha1"}}
    """
    assert read(text).snapshots == [
        Snapshot(
            service="kube-system/kube-dns/sidecar",
            instance="kube-system.kube-dns-6f4fd4bdf-wlmht.sidecar",
            timestamp=1_529_513_269.597,
            host="minikube",
            scope="container",
            version="1.14.7",
            started=1_529_489_239.0,
            labels={
                "namespace": "kube-system",
                "pod": "kube-dns-6f4fd4bdf-wlmht",
                "container": "sidecar",
            },
            used=29204480,
            anon=11902976,
            working_set=16404480,
            faults_major=146,
            oom_kills=0,
            cpu_seconds=83347618953 * 1e-9,
        )
    ]


def test_the_limit_that_kubernetes_tells_goes_first() -> None:
    outcome = read(state(), CONTAINER)
    (snapshot,) = outcome.snapshots
    assert (snapshot.limit, snapshot.total, snapshot.limit_used) == (512 * MIB, 512 * MIB, 96 * MIB)
    assert snapshot.oom_kills == 0


def test_what_kubernetes_tells_alone_is_no_snapshot() -> None:
    outcome = read(state())
    assert not outcome.snapshots
    assert not outcome.unknown


def test_zero_available_means_no_limit() -> None:
    (snapshot,) = read(container(has={"memory__available": {"bytes": 0}})).snapshots
    assert (snapshot.limit, snapshot.total, snapshot.limit_used) == (None, None, None)
    assert snapshot.working_set == 96 * MIB


def test_a_zero_is_what_the_kubelet_does_not_tell() -> None:
    (snapshot,) = read(container(has={"memory__rss__bytes": 0, "memory__usage": {"bytes": 0}})).snapshots
    assert (snapshot.anon, snapshot.used, snapshot.working_set) == (None, None, 96 * MIB)
    nothing = {f"memory__{name}__bytes": 0 for name in ("rss", "usage", "workingset", "available")}
    assert not read(container(has=nothing)).snapshots


@pytest.mark.parametrize(
    ("fields", "workload"),
    [
        ({}, "cart"),
        ({"deployment": None}, "cart"),
        ({"deployment": None, "replicaset": None}, "cart"),
        ({"deployment": None, "replicaset": None, "statefulset": {"name": "basket"}}, "basket"),
        (
            {"deployment": None, "replicaset": None, "pod__name": "db-0", "daemonset": {"name": "agents"}},
            "agents",
        ),
        ({"deployment": None, "replicaset": None, "pod__name": "db-0"}, "db"),
        ({"deployment": None, "replicaset": None, "job": {"name": "nightly-29301120"}}, "nightly"),
        ({"labels": {"app_kubernetes_io/name": "shop-cart", "app": "x"}}, "shop-cart"),
        ({"labels": {"app": {"kubernetes": {"io/name": "shop-cart"}}}}, "shop-cart"),
        (
            {"labels": {"app_kubernetes_io/instance": "eu", "app_kubernetes_io/name": "shop-cart"}},
            "eu",
        ),
        ({"annotations": {"resource_opentelemetry_io/service_name": "basket"}}, "basket"),
        ({"annotations": {"resource": {"opentelemetry": {"io/service": {"name": "basket"}}}}}, "basket"),
        ({"labels": None}, "cart"),
        ({"labels": "x"}, "cart"),
        ({"labels": ["x"]}, "cart"),
        ({"labels": {"app": {"kubernetes": "x"}, "app_kubernetes_io/name": {"x": "y"}}}, "cart"),
    ],
)
def test_the_workload(fields: dict[str, Any], workload: str) -> None:
    (snapshot,) = read(container(**fields)).snapshots
    assert snapshot.service == f"shop/{workload}/cart"


@pytest.mark.parametrize(
    ("changed", "version"),
    [
        ({}, None),
        ({"container__image__name": "registry:5000/shop/cart:1.4.2"}, "1.4.2"),
        ({"container__image": {"name": "cart@sha256:" + 64 * "a"}}, "sha256:aaaaaaaaaaaa"),
        ({"kubernetes__container__image": "cart:2"}, "2"),
        ({"kubernetes__labels": {"app_kubernetes_io/version": "7"}, "container__image__name": "c:2"}, "7"),
    ],
)
def test_the_version(changed: dict[str, Any], version: str | None) -> None:
    (snapshot,) = read(text_of(CONTAINER, **changed)).snapshots
    assert snapshot.version == version


def test_clusters_stay_apart() -> None:
    events = [text_of(CONTAINER, orchestrator__cluster__name=name) for name in ("eu", "us")]
    limit = text_of(STATE, orchestrator__cluster__name="us")
    snapshots = {one.instance: one for one in read(limit, *events).snapshots}
    eu, us = (snapshots[f"{name}/{INSTANCE}"] for name in ("eu", "us"))
    assert (eu.environment, eu.limit) == ("eu", 256 * MIB)
    assert (us.environment, us.limit) == ("us", 512 * MIB)


def test_restarts_and_their_reasons() -> None:
    killed: dict[str, Any] = {"restarts": 1, "last_terminated_reason": "OOMKilled"}
    outcome = read(
        container(0),
        state(3),
        container(60),
        state(63),
        container(120, has={"start_time": "2023-11-14T22:15:10Z"}),
        state(123, **killed),
        container(180, has={"start_time": "2023-11-14T22:15:10Z"}),
        state(183, **killed),
        container(240, has={"start_time": "2023-11-14T22:17:15Z"}),
        state(243, restarts=2, last_terminated_reason="Error"),
    )
    assert [(one.started, one.oom_kills) for one in outcome.snapshots] == [
        (1_699_992_439.0, 0),
        (1_699_992_439.0, 0),
        # It was told after the memory of this time.
        (1_700_000_110.0, 0),
        (1_700_000_110.0, 1),
        (1_700_000_235.0, 1),
    ]


@pytest.mark.parametrize("start", ["", None, 7, "soon", "2023-11-14T22:13:20Z", "2033-11-14T22:13:20Z"])
def test_no_start_where_none_is_told(start: object) -> None:
    (snapshot,) = read(container(has={"start_time": start})).snapshots
    assert snapshot.started is None


def test_a_node() -> None:
    assert read(NODE).snapshots == [
        Snapshot(
            service="host/node-a",
            instance="node-a",
            timestamp=BEGIN,
            host="node-a",
            scope="host",
            started=1_699_956_399.0,
            total=4 * GIB,
            used=1 * GIB,
            available=3 * GIB,
            anon=512 * MIB,
            working_set=1 * GIB,
            limit=4 * GIB,
            limit_used=1 * GIB,
            cpu_seconds=7842232236440 * 1e-9,
        )
    ]


OF_DOCKER = Snapshot(
    service="container/shop/search",
    instance="docker-1/shop_search_1_df866b3a7b3d",
    timestamp=BEGIN,
    host="docker-1",
    scope="container",
    version="8.1.0",
    labels={"container": "shop_search_1_df866b3a7b3d"},
    total=2 * GIB,
    anon=400 * MIB,
    file=100 * MIB,
    working_set=450 * MIB,
    limit=2 * GIB,
    limit_used=450 * MIB,
    faults_major=12,
)


def test_a_container_of_docker() -> None:
    assert read(DOCKER).snapshots == [OF_DOCKER]


def test_a_container_of_docker_with_cgroups_of_version_1() -> None:
    stats = {
        "cache": 1,
        "inactive_file": 2,
        "rss": 3,
        "total_cache": 100 * MIB,
        "total_rss": 400 * MIB,
        "pgmajfault": 3,
        "total_pgmajfault": 12,
    }
    event = text_of(DOCKER, docker__memory__stats=stats, docker__memory__rss__total=400 * MIB)
    assert read(event).snapshots == [OF_DOCKER]


def test_a_container_of_docker_without_compose() -> None:
    (snapshot,) = read(text_of(DOCKER, docker__container=None, host=None)).snapshots
    assert snapshot.service == "container/shop_search_1_df866b3a7b3d"
    # Without `host`, the agent has the name of the host.
    assert snapshot.instance == "docker-1/shop_search_1_df866b3a7b3d"


def test_no_limit_of_docker() -> None:
    (snapshot,) = read(text_of(DOCKER, docker__memory__limit=0)).snapshots
    assert (snapshot.limit, snapshot.total, snapshot.limit_used) == (None, None, None)
