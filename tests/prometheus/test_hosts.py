"""Hosts: what they tell of the instances on them, and what is theirs alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from producers.prometheus.assemble import IMPOSSIBLE
from producers.prometheus.series import Points
from tests.prometheus.support import (
    AVAILABLE,
    GIB,
    KUBELET,
    MACHINE,
    MEMORY,
    NODE,
    OTHER_POD,
    PRESET,
    RSS,
    TOTAL,
    Values,
    assembled,
    assembler_of,
    column,
    left,
    memory,
    series,
)

# What is told of the instances on a host.


@pytest.mark.parametrize(
    "machine",
    [
        {"instance": "10.0.0.77:10250", "node": "node-a"},
        {"instance": "10.0.0.5:9100"},
        {"instance": "node-a:9100"},
        {"instance": "10.0.0.77:9", "kubernetes_io_hostname": "node-a"},
    ],
)
def test_the_memory_of_the_machine_is_joined_by_the_node_and_by_its_address(machine: dict[str, str]) -> None:
    elsewhere = {"instance": "10.0.0.6:9100", "node": "node-b"}
    history = {**memory([1]), MACHINE: [series(elsewhere, [2 * GIB]), series(machine, [GIB])]}
    assert column(assembled(history), "total") == [GIB]


def test_the_memory_of_a_machine_in_another_cluster_is_not_joined() -> None:
    history = {**memory([1]), MACHINE: [series({**NODE, "cluster": "west"}, [GIB])]}
    assert column(assembled(history), "total") == [None]


def test_what_is_available_on_the_host_is_joined() -> None:
    history = {**memory([1, 1]), AVAILABLE: [series(NODE, [5, 6])]}
    assert column(assembled(history), "available") == [5, 6]


@pytest.mark.parametrize("sizes", [(), (1,)])
def test_a_pod_that_moves_has_the_memory_of_the_machine_that_it_is_on(sizes: Sequence[int]) -> None:
    moved = {**KUBELET, "id": "/kubepods/moved", "node": "node-b", "instance": "10.0.0.6:10250"}
    history = {
        MEMORY: [series(KUBELET, [1]), series(moved, [1], first=1)],
        MACHINE: [
            series({"node": "node-a", "instance": "10.0.0.5:10250"}, [GIB, GIB]),
            series({"node": "node-b", "instance": "10.0.0.6:10250"}, [2 * GIB, 2 * GIB]),
        ],
    }
    snapshots = assembled(history, sizes=sizes)
    assert column(snapshots, "host") == ["node-a", "node-b"]
    assert column(snapshots, "total") == [GIB, 2 * GIB]


# What is the host's own.


def test_an_info_that_does_not_say_of_what_it_is_names_nothing() -> None:
    assembler = assembler_of("node")
    assembler.learn(PRESET["node"].infos[0], [{"nodename": "other"}])
    (snapshot,) = assembled({AVAILABLE: [series({"node": "node-a"}, [1])]}, "node", by=assembler)
    assert snapshot.instance == "node-a"


def host(available: Values, labels: dict[str, str] = NODE) -> dict[str, list[Points]]:
    """Return a history in which one host of 1 GiB has memory."""
    return {AVAILABLE: [series(labels, available)], TOTAL: [series(labels, [GIB] * len(available))]}


def test_what_is_attributed_to_a_host_is_what_its_containers_can_grow() -> None:
    elsewhere = {**KUBELET, "pod": "db-0", "node": "node-b", "instance": "10.0.0.6:10250"}
    history = {
        **host([GIB // 2] * 2),
        RSS: [series(KUBELET, [5, 6]), series(OTHER_POD, [10, None]), series(elsewhere, [100, 100])],
        "container_memory_swap": [series(KUBELET, [1, 1])],
    }
    snapshots = assembled(history, "cadvisor", "node")
    assert column(snapshots, "attributed", "10.0.0.5") == [16, 7]


def test_nothing_is_attributed_to_a_host_without_containers() -> None:
    assert column(assembled(host([GIB // 2]), "cadvisor", "node"), "attributed", "10.0.0.5") == [None]


def test_nothing_is_attributed_to_a_host_of_the_same_name_in_another_cluster() -> None:
    history = {
        **host([GIB // 2], {**NODE, "cluster": "west"}),
        RSS: [series({**KUBELET, "cluster": "east"}, [5])],
    }
    snapshots = assembled(history, "cadvisor", "node")
    assert column(snapshots, "attributed", "west/10.0.0.5") == [None]


@pytest.mark.parametrize(
    ("preset", "available", "total"),
    [
        ("node", AVAILABLE, TOTAL),
        ("windows", "windows_memory_available_bytes", "windows_memory_physical_total_bytes"),
    ],
)
def test_available_memory_above_the_total_is_left_out_with_what_follows_from_it(
    preset: str, available: str, total: str
) -> None:
    assembler = assembler_of(preset)
    history = {available: [series(NODE, [GIB // 4, 2 * GIB])], total: [series(NODE, [GIB, GIB])]}
    snapshots = assembled(history, preset, by=assembler)
    for name, values in {
        "available": [GIB // 4, None],
        "used": [GIB - GIB // 4, None],
        "limit_used": [GIB - GIB // 4, None],
        "total": [GIB, GIB],
        "limit": [GIB, GIB],
    }.items():
        assert column(snapshots, name, "10.0.0.5") == values, name
    assert left(assembler).keys() == {IMPOSSIBLE}


def test_more_free_swap_than_there_is_is_left_out() -> None:
    history = {
        **host([GIB // 2] * 2),
        "node_memory_SwapTotal_bytes": [series(NODE, [10, 10])],
        "node_memory_SwapFree_bytes": [series(NODE, [4, 11])],
    }
    assert column(assembled(history, "node"), "swap_used", "10.0.0.5") == [6, None]
