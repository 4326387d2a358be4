"""Metricbeat by its output `kafka`: from events to snapshots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetleak.records import Snapshot
from tests.bridge.support_collectd import BEGIN, GIB, MIB, Outcome, bridged, of_instance

SECRET = "hunter2"
POD = "cart-7d9f8c6b5-x2x4z"
INSTANCE = f"shop.{POD}.cart"
ID = "9d877a261e851087057fd20ce4aa6f2d7ce56722feedb837d8d0463b2eab724c"

CONTAINER = """
{"@timestamp":"2023-11-14T22:13:20.000Z","@metadata":{"beat":"metricbeat","type":"_doc","version":"8.11.1"},
 "agent":{"ephemeral_id":"e","id":"a","name":"metricbeat-6xfvl","type":"metricbeat","version":"8.11.1"},
 "container":{"cpu":{"usage":0.02},"id":"9d87","memory":{"usage":0.0625},"runtime":"containerd"},
 "ecs":{"version":"8.0.0"},
 "event":{"dataset":"kubernetes.container","duration":115000,"module":"kubernetes"},
 "host":{"name":"metricbeat-6xfvl"},
 "kubernetes":{
  "container":{"cpu":{"usage":{"core":{"ns":83500000000},"limit":{"pct":0.1},"nanocores":4741228}},
   "logs":{"used":{"bytes":24576}},
   "memory":{"available":{"bytes":167772160},"majorpagefaults":146,"pagefaults":4658,
    "rss":{"bytes":62914560},"usage":{"bytes":115343360,"limit":{"pct":0.42},"node":{"pct":0.01}},
    "workingset":{"bytes":100663296,"limit":{"pct":0.37}}},
   "name":"cart","rootfs":{"used":{"bytes":24576}},"start_time":"2023-11-14T20:07:19Z"},
  "deployment":{"name":"cart"},"labels":{"app":"cart","pod-template-hash":"7d9f8c6b5"},
  "namespace":"shop","node":{"name":"node-a","uid":"u"},
  "pod":{"ip":"10.244.0.7","name":"cart-7d9f8c6b5-x2x4z","uid":"p"},
  "replicaset":{"name":"cart-7d9f8c6b5"}},
 "metricset":{"name":"container","period":10000},
 "orchestrator":{"cluster":{"url":"10.0.0.1:6443"}},
 "service":{"address":"https://node-a:10250/stats/summary","type":"kubernetes"}}
"""

STATE = """
{"@timestamp":"2023-11-14T22:13:17.853Z",
 "container":{"id":"9d87","image":{"name":"registry:5000/shop/cart:1.4.2"},"runtime":"containerd"},
 "event":{"dataset":"kubernetes.container","duration":115000,"module":"kubernetes"},
 "kubernetes":{
  "container":{"cpu":{"request":{"cores":0.1}},"id":"9d87",
   "memory":{"limit":{"bytes":536870912},"request":{"bytes":104857600}},"name":"cart",
   "status":{"phase":"running","ready":true,"restarts":0}},
  "namespace":"shop","node":{"name":"node-a"},"pod":{"name":"cart-7d9f8c6b5-x2x4z"}},
 "metricset":{"name":"state_container","period":10000},
 "service":{"address":"http://kube-state-metrics:8080/metrics","type":"kubernetes"}}
"""

NODE = """
{"@timestamp":"2023-11-14T22:13:20.000Z","event":{"dataset":"kubernetes.node","module":"kubernetes"},
 "host":{"name":"metricbeat-6xfvl"},
 "kubernetes":{"labels":{"kubernetes_io/os":"linux"},
  "node":{"cpu":{"usage":{"core":{"ns":7842232236440},"nanocores":205552356}},
   "memory":{"available":{"bytes":3221225472},"majorpagefaults":0,"pagefaults":88467,
    "rss":{"bytes":536870912},"usage":{"bytes":1896058880},"workingset":{"bytes":1073741824}},
   "name":"node-a","start_time":"2023-11-14T10:06:39Z"}},
 "metricset":{"name":"node","period":10000}}
"""

DOCKER = """
{"@timestamp":"2023-11-14T22:13:20.000Z","agent":{"name":"docker-1"},
 "container":{"id":"cc78","image":{"name":"elasticsearch:8.1.0"},"memory":{"usage":0.0298},
  "name":"shop_search_1_df866b3a7b3d","runtime":"docker"},
 "docker":{
  "container":{"labels":{"com_docker_compose_project":"shop","com_docker_compose_service":"search"}},
  "memory":{"fail":{"count":0},"limit":2147483648,"rss":{"pct":0,"total":0},
   "stats":{"active_anon":1048576,"anon":419430400,"file":104857600,"inactive_file":52428800,
    "pgfault":4000,"pgmajfault":12,"slab_reclaimable":1048576},
   "usage":{"max":0,"pct":0.2197,"total":471859200}}},
 "event":{"dataset":"docker.memory","duration":115000,"module":"docker"},
 "host":{"name":"docker-1"},"metricset":{"name":"memory","period":10000},
 "service":{"address":"unix:///var/run/docker.sock","type":"docker"}}
"""

MEMORY = """
{"@timestamp":"2023-11-14T22:13:20.000Z","agent":{"name":"n1","type":"metricbeat","version":"8.11.1"},
 "event":{"dataset":"system.memory","duration":115000,"module":"system"},
 "host":{"hostname":"n1","name":"n1","os":{"kernel":"6.1"}},"metricset":{"name":"memory","period":10000},
 "service":{"type":"system"},
 "system":{"memory":{"actual":{"free":5368709120,"used":{"bytes":3221225472,"pct":0.375}},
   "cached":3758096384,"free":2147483648,
   "swap":{"free":1006632960,"total":1073741824,"used":{"bytes":67108864,"pct":0.0625}},
   "total":8589934592,"used":{"bytes":6442450944,"pct":0.75}}}}
"""

PROCESS = """
{"@timestamp":"2023-11-14T22:13:20.000Z","agent":{"name":"n1"},
 "event":{"dataset":"system.process","duration":115000,"module":"system"},
 "host":{"name":"n1"},"metricset":{"name":"process","period":10000},
 "process":{"args":["/usr/bin/dockerd","--token","hunter2"],"command_line":"/usr/bin/dockerd --token hunter2",
  "cpu":{"pct":0.0049,"start_time":"2023-11-08T17:06:39.000Z"},"executable":"/usr/bin/dockerd",
  "memory":{"pct":0.0714},"name":"dockerd","parent":{"pid":1},"pid":2080,"working_directory":"/"},
 "service":{"type":"system"},
 "system":{"process":{
   "cgroup":{"id":"docker.service","path":"/system.slice/docker.service",
    "memory":{"id":"docker.service","path":"/system.slice/docker.service"}},
   "cmdline":"/usr/bin/dockerd --token hunter2",
   "cpu":{"start_time":"2023-11-08T17:06:39.000Z","total":{"norm":{"pct":0.0049},"value":27704100}},
   "env":{"PASSWORD":"hunter2"},
   "memory":{"rss":{"bytes":1183842304,"pct":0.0714},"share":8253440,"size":4438523904},
   "state":"sleeping"}},
 "user":{"name":"root"}}
"""


def text_of(event: str, at: float = 0.0, **changed: object) -> str:
    """Return an event so many seconds later, with other values; paths have `__` for a dot, None deletes."""
    tree = json.loads(event)
    before = datetime.fromisoformat(tree["@timestamp"]).timestamp()
    tree["@timestamp"] = datetime.fromtimestamp(before + at, UTC).isoformat(timespec="milliseconds")
    for path, value in changed.items():
        _put(tree, path.split("__"), value)
    return json.dumps(tree)


def _put(tree: dict[str, Any], path: list[str], value: object) -> None:
    *above, last = path
    for name in above:
        tree = tree.setdefault(name, {})
    if value is None:
        tree.pop(last)
    else:
        tree[last] = value


def container(at: float = 0.0, *, has: Mapping[str, object] | None = None, **fields: object) -> str:
    """Return an event of a container; `fields` are those of `kubernetes`, `has` those of the container."""
    own = {f"kubernetes__container__{name}": value for name, value in (has or {}).items()}
    return text_of(CONTAINER, at, **own, **{f"kubernetes__{name}": value for name, value in fields.items()})


def state(at: float = 0.0, **status: Any) -> str:
    """Return an event of what Kubernetes tells of the same container."""
    own = {f"kubernetes__container__status__{name}": value for name, value in status.items()}
    return text_of(STATE, at, **own)


def read(*values: str | bytes) -> Outcome:
    """Return what comes of events."""
    return bridged("metricbeat", values)


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


def test_duplicates() -> None:
    outcome = read(CONTAINER, CONTAINER, MEMORY, MEMORY, state(), state())
    assert sorted(one.service for one in outcome.snapshots) == ["host/n1", "shop/cart/cart"]
    assert outcome.not_assembled == {"repeated": 2}


@pytest.mark.parametrize("wrong", ["much", "NaN", "+Inf", -1, 1e30, 10**400, [1], {"x": 1}, True, "2024"])
def test_a_wrong_value_costs_no_other(wrong: object) -> None:
    outcome = read(container(has={"memory__rss__bytes": wrong}))
    (snapshot,) = outcome.snapshots
    assert (snapshot.working_set, snapshot.used) == (96 * MIB, 110 * MIB)
    possible = {True: 1, "2024": 2024}.get(wrong) if isinstance(wrong, bool | str) else None
    assert snapshot.anon == possible
    assert outcome.left == ({} if possible else {"impossible": 1})


@pytest.mark.parametrize("branch", ["memory", "memory__rss", "cpu", "cpu__usage__core"])
@pytest.mark.parametrize("wrong", ["x", 7, 1.5, True, [{"bytes": 1}], {}])
def test_what_is_no_object_tells_nothing(branch: str, wrong: object) -> None:
    outcome = read(container(has={branch: wrong}))
    assert not outcome.refused
    assert bool(outcome.snapshots) == (branch != "memory")


def test_null_is_absent() -> None:
    event = CONTAINER.replace('"rss":{"bytes":62914560}', '"rss":null').replace(
        '"bytes":115343360', '"bytes":null'
    )
    (snapshot,) = read(event).snapshots
    assert (snapshot.anon, snapshot.used, snapshot.working_set) == (None, None, 96 * MIB)


@pytest.mark.parametrize("missing", ["pod", "container__name"])
@pytest.mark.parametrize("wrong", [None, "", {"name": ""}, ["x"]])
def test_a_container_without_a_name(missing: str, wrong: Any) -> None:
    outcome = read(container(**{missing: wrong}))
    assert not outcome.snapshots
    # Of a pod, the name of the container is looked for when the snapshot is made.
    assert (outcome.left, outcome.not_assembled) in (({"nameless": 6}, {}), ({}, {"nameless": 1}))


@pytest.mark.parametrize("event", [MEMORY, PROCESS, NODE, DOCKER])
def test_nothing_without_a_name(event: str) -> None:
    tree = json.loads(event)
    for names in ("host", "agent", "container", "process"):
        tree.pop(names, None)
    tree.get("kubernetes", {}).get("node", {}).pop("name", None)
    outcome = read(json.dumps(tree))
    assert not outcome.snapshots
    assert outcome.left["nameless"] > 0


@pytest.mark.parametrize("time", ["soon", "", 7, "2023-11-14", "0001-01-01T00:00:00Z", ["x"]])
def test_a_wrong_time(time: object) -> None:
    outcome = read(json.dumps(json.loads(NODE) | {"@timestamp": time}))
    assert bool(outcome.snapshots) == (time == "2023-11-14")
    assert outcome.left == ({} if outcome.snapshots else {"no-time": 4})


def test_what_is_of_no_use() -> None:
    other = [
        '{"@timestamp":"2023-11-14T22:13:20.000Z","message":"a line of a log"}',
        '{"@timestamp":"2023-11-14T22:13:20.000Z","metricset":{"name":"container"},"error":{"message":"no"}}',
        '{"@timestamp":"2023-11-14T22:13:20.000Z","kubernetes":{"pod":{"name":"p","memory":{"rss":{"bytes":9}}}}}',
        '{"@timestamp":"2023-11-14T22:13:20.000Z","system":{"cpu":{"cores":4}},"kubernetes":null}',
    ]
    outcome = read(*other)
    assert outcome.unknown == len(other)
    assert not outcome.written


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"\x00\x01" + SECRET.encode(), "malformed"),
        (PROCESS.encode()[:-20], "malformed"),
        (b'{"@timestamp":NaN,"password":"' + SECRET.encode() + b'"}', "malformed"),
        (b'{"@timestamp":"\xff' + SECRET.encode() + b'"}', "malformed"),
        (b'{"@timestamp":"x","kubernetes":' + b'{"container":' * 100_000, "malformed"),
        (b'{"@timestamp":"x","other":' + b"[" * 100_000, "malformed"),
        (b'{"@timestamp":"x","host":{"name":' + b"[" * 100_000, "malformed"),
        (b'{"password":"' + SECRET.encode() + b'"}', "invalid"),
        (b'{"@timestamp":null,"password":"' + SECRET.encode() + b'"}', "invalid"),
        (b"[" + PROCESS.encode() + b"]", "invalid"),
        (b'["' + SECRET.encode() + b'"]', "invalid"),
        (b'"' + SECRET.encode() + b'"', "invalid"),
        (b"null", "invalid"),
    ],
)
def test_what_is_none_is_refused_and_not_quoted(value: bytes, reason: str) -> None:
    outcome = read(value)
    assert [why for why, _ in outcome.refused] == [reason]
    assert not outcome.snapshots
    assert SECRET.encode() not in outcome.written


def test_nothing_else_of_an_event_is_published() -> None:
    labels = {"password": SECRET, "app": SECRET}
    outcome = read(
        PROCESS,
        container(labels=labels, annotations={"token": SECRET}, env={"PASSWORD": SECRET}),
        text_of(DOCKER, docker__container__labels=labels, docker__container__command=SECRET),
        text_of(MEMORY, labels=labels, tags=[SECRET], fields={"password": SECRET}),
        text_of(NODE, kubernetes__labels=labels),
        text_of(STATE, 5, kubernetes__container__status__reason=SECRET, labels=labels),
    )
    assert len(outcome.snapshots) == 5
    assert SECRET.encode() not in outcome.written


def test_bytes_that_are_no_text_matter_only_where_they_are_read() -> None:
    event = PROCESS.encode().replace(b"dockerd --token hunter2", b"dockerd --token \xff\xfe")
    assert read(event).snapshots == [OF_PROCESS]


def test_long_names_fit_into_records() -> None:
    (snapshot,) = read(text_of(PROCESS, process__name="x" * 3000)).snapshots
    assert len(snapshot.service) == 256


def test_a_leak_of_a_mebibyte_a_minute_is_there_to_see() -> None:
    leaking = [
        event
        for tick in range(200)
        for event in (
            state(60 * tick),
            container(
                60 * tick,
                has={
                    "memory__rss__bytes": (60 + tick) * MIB,
                    "memory__workingset__bytes": (96 + tick) * MIB,
                    "memory__available__bytes": (416 - tick) * MIB,
                },
            ),
        )
    ]
    snapshots = read(*leaking).snapshots
    assert [one.timestamp for one in snapshots] == [BEGIN + 60 * tick for tick in range(200)]
    assert [one.anon for one in snapshots] == [(60 + tick) * MIB for tick in range(200)]
    assert {(one.instance, one.limit, one.started) for one in snapshots} == {
        (INSTANCE, 512 * MIB, 1_699_992_439.0)
    }
