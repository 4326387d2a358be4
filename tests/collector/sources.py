"""What the Collector is run for: a configuration of deploy/collector, and what it reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.collector.docker import docker
from tests.collector.exposition import targets
from tests.collector.host import processes, root
from tests.collector.kubernetes import api_server, kubelet


class Run(NamedTuple):
    """How a configuration is run here: its variables, and what differs."""

    environment: dict[str, str]
    changes: dict[str, Any]


class Source(NamedTuple):
    """What one receiver reads.

    Attributes
    ----------
    config
        The file of deploy/collector, without its ending.
    start
        Runs what is read.
    messages
        How many messages one collection is.
    """

    config: str
    start: Callable[[Path], AbstractContextManager[Run]]
    messages: int


def _receive(name: str, receiver: dict[str, Any]) -> dict[str, Any]:
    """Return the changes for one receiver alone, every second."""
    return {
        "receivers": {name: {"collection_interval": "1s", "initial_delay": "0s", **receiver}},
        "service": {"pipelines": {"metrics": {"receivers": [name]}}},
    }


@contextmanager
def _host(folder: Path) -> Iterator[Run]:
    with processes(folder) as started:
        yield Run(
            {"HOST_NAME": "node-a", "HOST_ROOT": str(root(folder, started))}, _receive("hostmetrics", {})
        )


@contextmanager
def _docker(_folder: Path) -> Iterator[Run]:
    with docker() as port:
        environment = {"HOST_NAME": "node-a", "DOCKER_HOST": f"tcp://127.0.0.1:{port}"}
        yield Run(environment, _receive("docker_stats", {}))


@contextmanager
def _kubelet(folder: Path) -> Iterator[Run]:
    with kubelet("node-a") as port, api_server("node-a") as api:
        changes = _receive("kubeletstats", {"auth_type": "none", "endpoint": f"http://127.0.0.1:{port}"})
        changes["processors"] = {"k8s_attributes": {"auth_type": "kubeConfig"}}
        environment = {"K8S_NODE_NAME": "node-a", "K8S_CLUSTER_NAME": "shop-eu"}
        yield Run(environment | {"KUBECONFIG": str(_kubeconfig(folder, api))}, changes)


def _kubeconfig(folder: Path, port: int) -> Path:
    """Write how an API server without a certificate is reached."""
    path = folder / "kubeconfig"
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": ""}}],
    }))  # fmt: skip
    return path


@contextmanager
def _prometheus(folder: Path) -> Iterator[Run]:
    every = {"prometheus": {"config": {"global": {"scrape_interval": "1s"}}}}
    with targets(folder) as addresses:
        yield Run(addresses | {"K8S_CLUSTER_NAME": "shop-eu"}, {"receivers": every})


SOURCES = {
    # Three scrapers of the host, and two processes.
    "host_metrics": Source("docker", _host, 5),
    "docker_stats": Source("docker", _docker, 2),
    # The node and three containers.
    "kubelet_stats": Source("node", _kubelet, 4),
    "prometheus": Source("prometheus", _prometheus, 3),
}
