"""Containers and nodes, as the Collector's `kubelet_stats` and `k8s_cluster` measure them."""

from __future__ import annotations

from producers import kubernetes
from producers.bridge.names import OF_POD, image_of, owner_of
from producers.prometheus.preset import (
    OF_HOST,
    Identity,
    Labels,
    Preset,
    Source,
    host_identity,
    of_container,
    pod_identity,
    within_limit,
)
from producers.prometheus.presets.cadvisor import tags_of


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a container, by OpenTelemetry's rule.

    The processor `k8s_attributes` follows the same rule where it sets `service.name` and `service.version`.
    """
    pod, tags = labels.get("pod", ""), tags_of(labels)
    workload = labels.get("service_name") or kubernetes.workload(pod, owner_of(labels), tags)
    version = labels.get("service_version") or kubernetes.version(image_of(labels), tags)
    return pod_identity(labels, workload, version)


def derive(fields: dict[str, float]) -> None:
    """Set the limit, of which the kubelet tells what is left."""
    left = fields.pop("left", None)
    if left is not None and "working_set" in fields:
        fields.setdefault("limit", left + fields["working_set"])
    within_limit(fields)


CONTAINERS = Preset(
    name="kubelet_stats",
    about="containers (the Collector's kubelet_stats, with k8s_attributes and k8s_cluster)",
    memory=("working_set", "anon", "used"),
    sources=(
        # Here the points of every metric have the start of the container.
        Source("container.memory.working_set", "working_set", begins=True),
        Source("container.memory.rss", "anon"),
        Source("container.memory.usage", "used"),
        Source("container.memory.available", "left"),
        Source("container.memory.major_page_faults", "faults_major"),
        Source("container.cpu.time", "cpu_seconds", begins=True),
        of_container("k8s.container.memory_limit", "limit"),
        of_container("k8s.container.restarts", "restarts"),
        of_container("k8s.container.restarts", "oom_reason", 'last_terminated_reason="OOMKilled"'),
    ),
    identify=identify,
    derive=derive,
    labels=(*OF_POD, *OF_HOST),
    in_pods=True,
)


def identify_node(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a node."""
    return host_identity(labels, labels.get("node")) if labels.get("node") else None


def derive_node(fields: dict[str, float]) -> None:
    """Set what the node has, and what of it is used."""
    available, working = fields.get("available"), fields.get("working_set")
    if available is not None and working is not None:
        fields["total"] = fields["limit"] = available + working
        fields["used"] = fields["limit_used"] = working


NODES = Preset(
    name="kubelet_stats_node",
    about="nodes (the Collector's kubelet_stats)",
    memory=("working_set",),
    sources=(
        Source("k8s.node.memory.working_set", "working_set", begins=True),
        Source("k8s.node.memory.available", "available"),
        Source("k8s.node.memory.rss", "anon"),
        Source("k8s.node.cpu.time", "cpu_seconds", begins=True),
    ),
    identify=identify_node,
    derive=derive_node,
    labels=("node", *OF_HOST),
)
