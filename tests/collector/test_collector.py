"""deploy/collector with a real Collector and a real Kafka: it is valid, and sends what is recorded."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fleetleak.kafka import topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.records import Decoder, Snapshot
from fleetleak.settings import Settings
from tests.collector.build import collector
from tests.collector.fixtures import Message, messages
from tests.collector.host import PROCESSES, processes
from tests.collector.record import RECORDINGS
from tests.collector.running import CONFIGS, Export, arguments, collected, sending, sent
from tests.collector.sources import SOURCES, Run
from tests.e2e.support import running as roles
from tests.kafka.support import read_all, wait_for

pytestmark = pytest.mark.collector

_NEEDED = {
    "host_metrics": {
        "process.cpu.time", "process.memory.usage", "system.cpu.time", "system.linux.memory.available",
        "system.memory.limit", "system.memory.usage", "system.paging.faults",
    },
    "docker_stats": {
        "container.memory.anon", "container.memory.usage.limit", "container.memory.usage.total",
        "container.restarts",
    },
    "kubelet_stats": {
        "container.memory.available", "container.memory.rss", "container.memory.usage",
        "container.memory.working_set", "k8s.node.memory.available", "k8s.node.memory.working_set",
    },
    "prometheus": {
        "container_memory_cache", "container_memory_rss", "container_memory_usage_bytes",
        "container_memory_working_set_bytes", "container_spec_memory_limit_bytes",
        "container_start_time_seconds", "kube_pod_container_resource_limits",
        "kube_pod_container_status_restarts_total", "kube_pod_owner", "node_boot_time_seconds",
        "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", "node_uname_info", "up",
    },
}  # fmt: skip
"""The metrics that the configurations are there for."""


@pytest.mark.parametrize("config", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_it_is_valid(config: str, tmp_path: Path) -> None:
    # The certificate of an API server is only in its pods.
    changes = {"receivers": {"kubeletstats": {"auth_type": "none"}}} if config == "node" else {}
    names = (
        "CADVISOR",
        "HOST_NAME",
        "K8S_CLUSTER_NAME",
        "K8S_NODE_NAME",
        "KUBE_STATE_METRICS",
        "NODE_EXPORTER",
    )
    done = subprocess.run(
        [collector(), "validate", *arguments(config, tmp_path, changes)], capture_output=True, text=True,
        env=os.environ | {"KAFKA_BROKERS": "kafka:9092"} | dict.fromkeys(names, "some:9100"), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", RECORDINGS)
def test_it_sends_what_is_recorded(name: str, broker: EmbeddedBroker, tmp_path: Path) -> None:
    source, export = RECORDINGS[name]
    found = collected(SOURCES[source], broker.bootstrap_servers, tmp_path, export=export)
    assert [_length(key) for key, _ in found] == [_length(key) for key, _ in messages(name)][: len(found)]
    if export.encoding == "otlp_json":
        assert _names(found) >= _NEEDED[source]
        assert _attributes(found) == _attributes(messages(name))
    else:
        assert {
            name for name in _NEEDED[source] if name.encode() in b"".join(v for _, v in found)
        } == _NEEDED[source]


def test_docker_and_this_host_in_one(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The whole of docker.yaml, on the real /proc."""

    def enough(found: list[Message]) -> bool:
        return _named(found) >= {*PROCESSES, "shop-orders-1", "shop-checkout-1"}

    with SOURCES["docker_stats"].start(tmp_path) as docker, processes(tmp_path):
        receivers = docker.changes["receivers"] | {"hostmetrics": {"collection_interval": "1s"}}
        run = Run(docker.environment, {"receivers": receivers})
        found = sent("docker", broker.bootstrap_servers, tmp_path, run, Export("otlp_json"), enough)
    assert _hosts(found) == {"node-a"}
    assert "process.command_line" not in set().union(*_attributes(found))


def test_kubernetes_and_this_host_in_one(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The whole of node.yaml: processes have the name of the node and of the cluster, too."""

    def enough(found: list[Message]) -> bool:
        return _named(found) >= {*PROCESSES, "orders", "proxy", "checkout"}

    with SOURCES["kubelet_stats"].start(tmp_path) as kubelet, processes(tmp_path):
        receivers = kubelet.changes["receivers"] | {"hostmetrics": {"collection_interval": "1s"}}
        run = Run(kubelet.environment, kubelet.changes | {"receivers": receivers, "service": {}})
        found = sent("node", broker.bootstrap_servers, tmp_path, run, Export("otlp_json"), enough)
    assert _hosts(found) == {"node-a"}
    assert all({"k8s.node.name", "k8s.cluster.name"} <= attributes for attributes in _attributes(found))


def test_what_it_sends_becomes_snapshots(settings: Settings, tmp_path: Path) -> None:
    """The whole of node.yaml, and both bridges, as a user runs them."""
    names = topics.names(settings.kafka.topic_prefix)
    commands = {"otlp": ["bridge", "otlp"], "snapshots": ["bridge", "snapshots"]}

    def found() -> set[tuple[str, str]]:
        every = [Decoder(Snapshot).decode(value) for _, _, value in read_all(settings, names.snapshots)]
        return {(one.service, one.scope) for one in every}

    with SOURCES["kubelet_stats"].start(tmp_path) as kubelet:
        receivers = kubelet.changes["receivers"] | {"hostmetrics": {"collection_interval": "1s"}}
        run = Run(kubelet.environment, kubelet.changes | {"receivers": receivers, "service": {}})
        with (
            sending("node", settings.kafka, tmp_path, run, Export()) as (topic, _),
            roles(
                settings, tmp_path, commands, FLEETLEAK_BRIDGE_TOPIC=topic, FLEETLEAK_BRIDGE_WAIT_SECONDS="2"
            ),
        ):
            wanted = {
                ("shop/orders/orders", "container"),
                ("shop/orders/proxy", "container"),
                ("shop/checkout/checkout", "container"),
                ("host/node-a", "host"),
            }
            wait_for(lambda: found() >= wanted, what=lambda: f"more than {found()}")


def _length(key: bytes | None) -> int | None:
    return None if key is None else len(key)


def _resources(found: Iterable[Message]) -> list[dict[str, Any]]:
    """Return resources in JSON, each with its metrics."""
    return [resource for _, value in found for resource in json.loads(value)["resourceMetrics"]]


def _names(found: Iterable[Message]) -> set[str]:
    return {
        metric["name"]
        for resource in _resources(found)
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
    }


def _values(resource: dict[str, Any]) -> dict[str, str]:
    return {
        attribute["key"]: str(next(iter(attribute["value"].values())))
        for attribute in resource["resource"]["attributes"]
    }


def _attributes(found: Iterable[Message]) -> set[frozenset[str]]:
    """Return the names of attributes that resources have together."""
    return {frozenset(_values(resource)) for resource in _resources(found)}


def _hosts(found: Iterable[Message]) -> set[str]:
    return {_values(resource)["host.name"] for resource in _resources(found)}


def _named(found: Iterable[Message]) -> set[str]:
    """Return the names of processes and containers."""
    names = ("process.executable.name", "container.name", "k8s.container.name")
    return {
        value for resource in _resources(found) for key, value in _values(resource).items() if key in names
    }
