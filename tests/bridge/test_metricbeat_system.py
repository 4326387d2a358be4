"""Metricbeat: hosts and processes, from events to snapshots."""

from __future__ import annotations

import pytest

from fleetleak.records import Snapshot
from tests.bridge.metricbeat import ID, MEMORY, NODE, PROCESS, container, read, text_of
from tests.bridge.support_collectd import BEGIN, GIB, MIB, of_instance

OF_HOST = Snapshot(
    service="host/n1",
    instance="n1",
    timestamp=BEGIN,
    host="n1",
    scope="host",
    total=8 * GIB,
    used=3 * GIB,
    available=5 * GIB,
    free=2 * GIB,
    file=3584 * MIB,
    swap_total=1 * GIB,
    swap_used=64 * MIB,
    limit=8 * GIB,
    limit_used=3 * GIB,
)


def test_a_host() -> None:
    assert read(MEMORY).snapshots == [OF_HOST]


def test_swap_of_a_host_may_be_all_free() -> None:
    (snapshot,) = read(text_of(MEMORY, system__memory__swap__free=1 * GIB)).snapshots
    assert snapshot.swap_used == 0
    (snapshot,) = read(text_of(MEMORY, system__memory__swap={"total": 0, "free": 0})).snapshots
    assert (snapshot.swap_total, snapshot.swap_used) == (0, 0)


def test_a_node_and_its_host_are_one_host() -> None:
    outcome = read(text_of(MEMORY, host__name="node-a"), NODE, container(), container(60))
    assert {one.service for one in outcome.snapshots if one.scope == "host"} == {"host/node-a"}
    (host,) = of_instance(outcome.snapshots, "node-a")
    assert host.total == 8 * GIB
    assert outcome.not_assembled == {"second-source": 1}


def test_the_growth_of_a_container_is_not_that_of_its_host() -> None:
    later = text_of(MEMORY, 60, host__name="node-a")
    (host,) = of_instance(read(container(), container(60), later).snapshots, "node-a")
    assert host.attributed == 60 * MIB


OF_PROCESS = Snapshot(
    service="process/dockerd",
    instance="process/n1/2080",
    timestamp=BEGIN,
    host="n1",
    scope="process",
    started=1_699_463_199.0,
    labels={"pid": "2080"},
    used=1183842304,
    cpu_seconds=27704100 * 1e-3,
)


def test_a_process() -> None:
    assert read(PROCESS).snapshots == [OF_PROCESS]
    assert read(text_of(PROCESS, system__process__cpu__start_time=None)).snapshots == [OF_PROCESS]
    assert read(text_of(PROCESS, process__cpu=None)).snapshots == [OF_PROCESS]


@pytest.mark.parametrize(
    "cgroup",
    [
        {"path": f"/docker/{ID}"},
        {"path": f"/kubepods.slice/kubepods-podu.slice/cri-containerd-{ID}.scope"},
        {"memory": {"path": f"/kubepods/burstable/podu/{ID}"}},
    ],
)
def test_a_process_in_a_container_is_part_of_it(cgroup: dict[str, object]) -> None:
    outcome = read(text_of(PROCESS, system__process__cgroup=cgroup))
    assert not outcome.written
    assert outcome.left == {"nameless": 2}


@pytest.mark.parametrize("cgroup", [None, {"path": 7}, {"path": f"/x/{ID}0"}, "x"])
def test_a_process_in_no_container(cgroup: object) -> None:
    assert read(text_of(PROCESS, system__process__cgroup=cgroup)).snapshots == [OF_PROCESS]


def test_a_thread_of_the_kernel_has_no_memory() -> None:
    assert not read(text_of(PROCESS, system__process__memory__rss__bytes=0)).snapshots


def test_a_number_that_another_process_got_begins_another_run() -> None:
    new = text_of(PROCESS, 60, system__process__cpu__start_time="2023-11-14T22:13:30Z")
    assert [one.started for one in read(PROCESS, new).snapshots] == [1_699_463_199.0, 1_700_000_010.0]


def test_what_an_event_of_another_kind_tells_of_kubernetes_stays_its_own() -> None:
    own = {"namespace": "ops", "pod": {"name": "metricbeat-x"}, "container": {"name": "metricbeat"}}
    (snapshot,) = read(text_of(PROCESS, kubernetes=own)).snapshots
    assert snapshot == OF_PROCESS
