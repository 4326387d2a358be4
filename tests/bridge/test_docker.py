"""Containers of Docker, as the Collector's `docker_stats` measures them."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.bridge.otlp import BEGIN, MIB, Attributes, Point, message
from tests.bridge.support import column, snapshots

CONTAINER: Attributes = {
    "container.hostname": "0123456789ab",
    "container.id": "0123456789abcdef",
    "container.image.name": "shop/cart:1.4.2",
    "container.name": "/shop-cart-1",
    "container.runtime": "docker",
}
ON_HOST: Attributes = {**CONTAINER, "host.name": "docker-1"}
BOTH = [
    Point("container.cpu.usage.total", 8_000_000_000, sum=True, start=BEGIN - 900),
    Point("container.memory.percent", 39.0),
    Point("container.memory.usage.limit", 512 * MIB, sum=True),
    Point("container.memory.usage.total", 200 * MIB, sum=True),
    Point("container.memory.pgmajfault", 4, sum=True),
]
V1 = [
    Point("container.memory.rss", 90 * MIB, sum=True),
    Point("container.memory.total_cache", 30 * MIB, sum=True),
    Point("container.memory.total_rss", 150 * MIB, sum=True),
]
V2 = [Point("container.memory.anon", 150 * MIB, sum=True), Point("container.memory.file", 30 * MIB, sum=True)]


@pytest.mark.parametrize("version", [V1[1:], V2], ids=["v1", "v2"])
def test_a_container_under_each_version_of_cgroups(version: list[Point]) -> None:
    assert snapshots(message((ON_HOST, [*BOTH, *version]))) == [
        Snapshot(
            service="container/shop-cart-1",
            instance="docker-1/shop-cart-1",
            timestamp=BEGIN,
            host="docker-1",
            scope="container",
            version="1.4.2",
            labels={"container": "shop-cart-1"},
            total=512 * MIB,
            limit=512 * MIB,
            limit_used=200 * MIB,
            anon=150 * MIB,
            file=30 * MIB,
            working_set=200 * MIB,
            faults_major=4,
            cpu_seconds=8.0,
        )
    ]


def test_the_memory_of_all_groups_inside_comes_before_that_of_the_group_alone() -> None:
    assert column(snapshots(message((ON_HOST, [*BOTH, *V1]))), "anon") == [150 * MIB]


@pytest.mark.parametrize(
    ("extra", "version"),
    [
        ({"container.image.name": "shop/cart", "container.image.tag": "1.4.2"}, "1.4.2"),
        ({"container.image.name": "shop/cart", "container.image.tags": ["1.4.2"]}, "1.4.2"),
        ({"container.image.name": "shop/cart"}, None),
        ({"container.image.name": "shop/cart:1.4.2"}, "1.4.2"),
    ],
)
def test_the_image_tells_the_version(extra: Attributes, version: str | None) -> None:
    assert column(snapshots(message(({**ON_HOST, **extra}, BOTH))), "version") == [version]


def test_the_start_of_its_counters_is_that_of_the_collector_and_no_start() -> None:
    assert column(snapshots(message((ON_HOST, BOTH))), "started") == [None]


def test_without_a_host_the_id_tells_containers_of_one_name_apart() -> None:
    apart = [{**CONTAINER, "container.id": 64 * digit} for digit in "ab"]
    made = snapshots(message(*((attributes, BOTH) for attributes in apart)))
    assert {(one.instance, one.host) for one in made} == {
        (f"{12 * 'a'}/shop-cart-1", None), (f"{12 * 'b'}/shop-cart-1", None),
    }  # fmt: skip


def test_without_a_host_and_an_id_it_has_no_name() -> None:
    attributes = {name: value for name, value in CONTAINER.items() if name != "container.id"}
    assert snapshots(message((attributes, BOTH))) == []


def test_a_restart_begins_a_run() -> None:
    times = [BEGIN + number * 60 for number in range(3)]
    value = [
        message(
            (ON_HOST, [one._replace(time=time) for one in [*BOTH, Point("container.restarts", restarts)]])
        )
        for time, restarts in zip(times, (3, 4, 4), strict=True)
    ]
    assert column(snapshots(*value), "started") == [None, times[1], times[1]]


def test_the_environment_is_told() -> None:
    for name in ("deployment.environment", "deployment.environment.name"):
        assert column(snapshots(message(({**ON_HOST, name: "prod"}, BOTH))), "environment") == ["prod"]
