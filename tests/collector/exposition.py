"""Targets of a Prometheus: a real node_exporter, and a few lines of cAdvisor and of kube-state-metrics."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.backtest.real import node_exporter
from tests.collector.host import container_id
from tests.collector.kubernetes import PODS
from tests.collector.serving import Answer, serving

_TEXT = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
_UID = PODS[0].uid
_POD = f'namespace="shop",pod="{PODS[0].name}"'
_UNAME = (
    'node_uname_info{domainname="(none)",machine="x86_64",nodename="node-a",release="6.12.0",sysname="Linux",'
    'version="#1 SMP"}'
)

_CADVISOR = """\
# HELP container_memory_cache Number of bytes of page cache memory.
# TYPE container_memory_cache gauge
container_memory_cache{{{labels}}} 2.5165824e+07 {now}
# HELP container_memory_rss Size of RSS in bytes.
# TYPE container_memory_rss gauge
container_memory_rss{{{labels}}} 1.048576e+08 {now}
# HELP container_memory_usage_bytes Current memory usage in bytes, including all memory regardless of when it was accessed
# TYPE container_memory_usage_bytes gauge
container_memory_usage_bytes{{{labels}}} 1.3212e+08 {now}
# HELP container_memory_working_set_bytes Current working set in bytes.
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{{{labels}}} 1.15343e+08 {now}
# HELP container_spec_memory_limit_bytes Memory limit for the container.
# TYPE container_spec_memory_limit_bytes gauge
container_spec_memory_limit_bytes{{{labels}}} 5.36870912e+08
# HELP container_start_time_seconds Start time of the container since unix epoch in seconds.
# TYPE container_start_time_seconds gauge
container_start_time_seconds{{{labels}}} 1.795161612e+09
# HELP container_cpu_usage_seconds_total Cumulative cpu time consumed in seconds.
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{{{labels}}} 12.5 {now}
"""  # noqa: E501 - cAdvisor's own words

_KUBE_STATE = f"""\
# HELP kube_pod_container_resource_limits The number of requested limit resource by a container.
# TYPE kube_pod_container_resource_limits gauge
kube_pod_container_resource_limits{{{_POD},uid="{_UID}",container="orders",node="node-a",resource="memory",unit="byte"}} 5.36870912e+08
# HELP kube_pod_container_status_restarts_total The number of container restarts per container.
# TYPE kube_pod_container_status_restarts_total counter
kube_pod_container_status_restarts_total{{{_POD},uid="{_UID}",container="orders"}} 2
# HELP kube_pod_owner Information about the Pod's owner.
# TYPE kube_pod_owner gauge
kube_pod_owner{{{_POD},uid="{_UID}",owner_kind="ReplicaSet",owner_name="orders-6d5f7c9b8d",owner_is_controller="true"}} 1
# HELP kube_pod_status_ready Describes whether the pod is ready to serve requests.
# TYPE kube_pod_status_ready gauge
kube_pod_status_ready{{{_POD},uid="{_UID}",condition="true"}} 1
"""  # noqa: E501 - as kube-state-metrics writes it


@contextmanager
def targets(folder: Path) -> Iterator[dict[str, str]]:
    """Run the targets; yield where each is, by the variable of deploy/collector/prometheus.yaml."""
    with ExitStack() as stack:
        exporter = stack.enter_context(node_exporter(folder))
        served: dict[str, Callable[[], str]] = {
            "NODE_EXPORTER": lambda: _unnamed(exporter),
            "CADVISOR": _cadvisor,
            "KUBE_STATE_METRICS": lambda: _KUBE_STATE,
        }
        yield {name: _address(stack, text) for name, text in served.items()}


def _address(stack: ExitStack, text: Callable[[], str]) -> str:
    port = stack.enter_context(serving(lambda _path: Answer(text().encode(), _TEXT)))
    return f"127.0.0.1:{port}"


def _unnamed(port: int) -> str:
    """Return what a node_exporter says, without the name and the kernel of this host."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return re.sub(r"^node_uname_info\{.*\}", _UNAME, text, flags=re.MULTILINE)


def _cadvisor() -> str:
    labels = (
        f'container="orders",id="/kubepods.slice/kubepods-burstable.slice/cri-containerd-{container_id("orders")}.scope",'
        f'image="docker.io/shop/orders:1.4",name="{container_id("orders")}",{_POD}'
    )
    # cAdvisor says when it measured, which is some seconds ago.
    return _CADVISOR.format(labels=labels, now=int(time.time() * 1000) - 3000)
