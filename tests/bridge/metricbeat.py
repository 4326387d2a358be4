"""Events of Metricbeat, as its output `kafka` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.bridge.support_collectd import Outcome, bridged

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
