"""Snapshots are made of series: what is put side by side, what wins, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from fleetleak.records import Decoder, Snapshot, encode
from producers.prometheus.assemble import IMPOSSIBLE, NAMELESS, REPEATED, Assumed
from producers.prometheus.preset import Info
from producers.prometheus.presets import cadvisor
from tests.prometheus.support import (
    AVAILABLE,
    BEGIN,
    GIB,
    INSTANCE,
    KUBE_LIMIT,
    KUBELET,
    LIMIT,
    MACHINE,
    MEMORY,
    NODE,
    OTHER_POD,
    POD,
    REPLICAS,
    RSS,
    STARTED,
    STATE,
    STEP,
    assembled,
    assembler_of,
    column,
    left,
    memory,
    series,
)

OWNER, LABELS, ANNOTATIONS = cadvisor.PRESET.infos
KUBE_MEMORY = {**STATE, "resource": "memory"}
OTHER = "shop.cart-7d9f8c6b5-q7k2m.cart"
RESTARTED = {**KUBELET, "id": "/kubepods/burstable/pod1/b", "name": "b"}


# One snapshot for each instance and step.


def test_there_is_one_snapshot_for_each_instance_and_step_in_order_of_time() -> None:
    snapshots = assembled({MEMORY: [series(KUBELET, [1, 2]), series(OTHER_POD, [3, 4])]})
    assert [(one.timestamp, one.instance, one.working_set) for one in snapshots] == [
        (BEGIN, OTHER, 3),
        (BEGIN, INSTANCE, 1),
        (BEGIN + STEP, OTHER, 4),
        (BEGIN + STEP, INSTANCE, 2),
    ]


def test_the_metrics_of_one_instance_are_side_by_side() -> None:
    history = {MEMORY: [series(KUBELET, [5])], RSS: [series(KUBELET, [3])], STARTED: [series(KUBELET, [9])]}
    assert assembled(history) == [
        Snapshot(
            service="shop/cart/cart",
            instance=INSTANCE,
            timestamp=BEGIN,
            host="node-a",
            scope="container",
            version="1.4.2",
            started=9.0,
            labels=POD,
            anon=3,
            working_set=5,
        )
    ]


def test_what_is_not_known_is_absent() -> None:
    (snapshot,) = assembled(memory([5]))
    absent = ("limit", "limit_used", "total", "available", "anon", "started", "oom_kills", "cpu_seconds")
    assert [getattr(snapshot, name) for name in absent] == [None] * len(absent)


def test_a_gap_makes_no_snapshot() -> None:
    times = column(assembled(memory([1, None, None, 4])), "timestamp")
    assert times == [BEGIN, BEGIN + 3 * STEP]


def test_without_memory_there_is_no_snapshot() -> None:
    assert assembled({STARTED: [series(KUBELET, [9, 9])], MACHINE: [series(NODE, [GIB])]}) == []


def test_a_value_that_seldom_changes_makes_no_snapshot_alone() -> None:
    history = {**memory([1, None, 3]), LIMIT: [series(KUBELET, [9, 9, 9])]}
    assert column(assembled(history), "limit") == [9, 9]


# Values that no memory has.


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, -1.0, 2.0**60 * 1.01])
def test_an_impossible_value_is_left_out_and_counted_and_other_fields_stay(wrong: float) -> None:
    assembler = assembler_of()
    history = {MEMORY: [series(KUBELET, [5, wrong])], RSS: [series(KUBELET, [3, 4])]}
    snapshots = assembled(history, by=assembler)
    assert column(snapshots, "working_set") == [5, None]
    assert column(snapshots, "anon") == [3, 4]
    assert left(assembler) == {IMPOSSIBLE: 1}
    assert assembler.left[IMPOSSIBLE].first.startswith(MEMORY + '{namespace="shop"')


@pytest.mark.parametrize("wrong", [math.nan, -1.0])
def test_a_step_whose_only_memory_is_impossible_makes_no_snapshot(wrong: float) -> None:
    process = {"job": "api", "instance": "10.0.0.7:8000", **POD}
    history = {
        "process_resident_memory_bytes": [series(process, [5, wrong])],
        KUBE_LIMIT: [series(KUBE_MEMORY, [9, 9])],
    }
    assert [one.used for one in assembled(history, "process")] == [5]


@pytest.mark.parametrize("none", [0.0, 9.223372036854772e18, math.inf])
def test_a_limit_that_is_none_is_not_counted_as_wrong(none: float) -> None:
    assembler = assembler_of()
    history = {**memory([5]), LIMIT: [series(KUBELET, [none])], MACHINE: [series(NODE, [GIB])]}
    (snapshot,) = assembled(history, by=assembler)
    assert (snapshot.limit, snapshot.limit_used, snapshot.total) == (None, None, GIB)
    assert left(assembler) == {}


@pytest.mark.parametrize("wrong", [-1.0, math.nan])
def test_a_limit_that_is_no_number_of_bytes_is_counted(wrong: float) -> None:
    assembler = assembler_of()
    (snapshot,) = assembled({**memory([5]), LIMIT: [series(KUBELET, [wrong])]}, by=assembler)
    assert snapshot.limit is None
    assert left(assembler) == {IMPOSSIBLE: 1}


def test_the_first_of_what_is_left_out_is_the_example() -> None:
    assembler = assembler_of()
    assembled(
        {MEMORY: [series({"__name__": MEMORY, **POD}, [-1, -2]), series(OTHER_POD, [-3])]}, by=assembler
    )
    (out,) = assembler.left.values()
    assert (out.count, out.first) == (
        3,
        MEMORY + '{namespace="shop",pod="cart-7d9f8c6b5-x2x4z",container="cart"}',
    )


# Limits.


def test_a_limit_is_what_it_was_at_the_time() -> None:
    history = {**memory([1, 1, 1]), LIMIT: [series(KUBELET, [10, 10, 20])]}
    snapshots = assembled(history)
    assert column(snapshots, "limit") == [10, 10, 20]
    assert column(snapshots, "limit_used") == [1, 1, 1]


def test_the_own_limit_wins_and_that_of_kubernetes_fills_in() -> None:
    history = {
        **memory([1, 1, 1, 1]),
        LIMIT: [series(KUBELET, [10, 0, None, 10])],
        KUBE_LIMIT: [
            series(KUBE_MEMORY, [20, 20, 20, None]),
            series({**STATE, "resource": "cpu"}, [2, 2, 2, 2]),
        ],
    }
    assert column(assembled(history), "limit") == [10, 20, 20, 10]


def test_a_limit_belongs_to_one_container_of_one_cluster() -> None:
    history = {
        **memory([1], {**KUBELET, "cluster": "east"}),
        KUBE_LIMIT: [
            series({**KUBE_MEMORY, "cluster": "west"}, [20]),
            series({**KUBE_MEMORY, "cluster": "east", "container": "sidecar"}, [30]),
            series(KUBE_MEMORY, [40]),
            series({"namespace": "shop", "cluster": "east", "resource": "memory"}, [50]),
        ],
    }
    (snapshot,) = assembled(history)
    assert snapshot.limit is None


def test_what_is_assumed_is_set_only_where_nothing_is_known() -> None:
    assembler = assembler_of(assumed=Assumed(limit=100, total=50))
    history = {**memory([1, 1]), LIMIT: [series(KUBELET, [10])]}
    snapshots = assembled(history, by=assembler)
    assert column(snapshots, "limit") == [10, 100]
    assert column(snapshots, "total") == [10, 50]


# Two series of one instance.


def test_two_servers_that_scrape_one_instance_count_once_and_are_counted() -> None:
    assembler = assembler_of()
    snapshots = assembled(
        {MEMORY: [series(REPLICAS[0], [1, 2, 3]), series(REPLICAS[1], [1, 2])]}, by=assembler
    )
    assert column(snapshots, "working_set") == [1, 2, 3]
    assert left(assembler) == {REPEATED: 2}


@pytest.mark.parametrize("old_id", ["/kubepods/0", "/kubepods/z"])
@pytest.mark.parametrize("sizes", [(), (1,), (2,), (3,)])
def test_the_container_after_a_restart_wins_over_the_one_before_it(old_id: str, sizes: Sequence[int]) -> None:
    old = {**KUBELET, "id": old_id}
    history = {
        MEMORY: [series(old, [7, 8, 9, 9, 9]), series(RESTARTED, [1, 2, 3, 4], first=2)],
        STARTED: [series(old, [50.0] * 5), series(RESTARTED, [60.0] * 4, first=2)],
    }
    snapshots = assembled(history, sizes=sizes)
    assert column(snapshots, "working_set") == [7, 8, 1, 2, 3, 4]
    assert column(snapshots, "started") == [50, 50, 60, 60, 60, 60]


def test_a_series_that_comes_back_after_a_day_is_the_newer_one() -> None:
    history = {MEMORY: [series(KUBELET, [7, *[None] * 25, 8]), series(RESTARTED, [1] * 27, first=1)]}
    snapshots = assembled(history, sizes=(1,), step=3600.0)
    assert column(snapshots, "working_set") == [7, *[1] * 25, 8, 1]


def test_an_old_value_that_seldom_changes_is_not_counted_as_repeated() -> None:
    assembler = assembler_of()
    history = {
        MEMORY: [series(KUBELET, [7]), series(RESTARTED, [1], first=1)],
        STARTED: [series(KUBELET, [50, 50]), series(RESTARTED, [60], first=1)],
    }
    assembled(history, by=assembler)
    assert left(assembler) == {}


# Names.


def test_the_version_changes_with_the_image() -> None:
    newer = {**RESTARTED, "image": "registry:5000/shop/cart:1.5.0"}
    history = {MEMORY: [series(KUBELET, [1, 1]), series(newer, [1, 1], first=2)]}
    assert column(assembled(history), "version") == ["1.4.2", "1.4.2", "1.5.0", "1.5.0"]


def test_what_an_info_told_first_stays() -> None:
    assembler = assembler_of()
    for owner in ("shop-cart", "other"):
        assembler.learn(OWNER, [{**POD, "owner_kind": "DaemonSet", "owner_name": owner}])
    assert column(assembled(memory([1]), by=assembler), "service") == ["shop/shop-cart/cart"]


@pytest.mark.parametrize(
    ("info", "told", "service"),
    [
        (OWNER, {"owner_kind": "DaemonSet", "owner_name": "agent"}, "shop/agent/cart"),
        (LABELS, {"label_app_kubernetes_io_name": "named"}, "shop/named/cart"),
        (ANNOTATIONS, {"annotation_resource_opentelemetry_io_service_name": "noted"}, "shop/noted/cart"),
        (LABELS, {"label_app_kubernetes_io_name": ""}, "shop/cart/cart"),
    ],
)
def test_infos_name_the_workload(info: Info, told: dict[str, str], service: str) -> None:
    assembler = assembler_of()
    assembler.learn(info, [{**POD, **told}, {"namespace": "shop", **told}])
    assert column(assembled(memory([1]), by=assembler), "service") == [service]


def test_infos_of_another_cluster_are_not_used() -> None:
    assembler = assembler_of()
    assembler.learn(OWNER, [{**POD, "cluster": "west", "owner_kind": "DaemonSet", "owner_name": "agent"}])
    assert column(assembled(memory([1]), by=assembler), "service") == ["shop/cart/cart"]


def test_series_that_name_nothing_are_counted() -> None:
    assembler = assembler_of()
    slice_ = {"id": "/kubepods.slice", "instance": "10.0.0.5:10250"}
    assert len(assembled({MEMORY: [series(slice_, [1, 2]), series(KUBELET, [1])]}, by=assembler)) == 1
    assert left(assembler) == {NAMELESS: 1}
    assert assembler.left[NAMELESS].first == MEMORY + '{id="/kubepods.slice",instance="10.0.0.5:10250"}'


@pytest.mark.parametrize("preset", ["cadvisor", "process", "node"])
def test_names_of_any_length_fit_a_record(preset: str) -> None:
    long = dict.fromkeys(("namespace", "pod", "container", "job", "cluster", "node", "instance"), "x" * 300)
    metric = {"cadvisor": MEMORY, "process": "process_resident_memory_bytes", "node": AVAILABLE}[preset]
    labels = [{**long, "image": "x:" + "1" * 300}]
    if preset == "process":
        labels.append({name: value for name, value in long.items() if name != "pod"})
    for one in labels:
        (snapshot,) = assembled({metric: [series(one, [1])]}, preset)
        assert Decoder(Snapshot).decode(encode(snapshot)) == snapshot
