"""Containers, as cAdvisor measures them: in the kubelet, or on its own beside Docker."""

from __future__ import annotations

from producers import kubernetes
from producers.prometheus.preset import (
    OF_CONTAINER,
    OF_HOST,
    Identity,
    Info,
    Labels,
    Preset,
    Source,
    docker_identity,
    of_container,
    of_host,
    places_of,
    pod_identity,
)

_POD = ("namespace", "pod")
# Without what only holds a pod's namespaces open, and without the groups around containers.
_OF_PODS, _OTHERS = 'container!="",container!="POD"', 'container="",pod="",name!=""'
_COMPOSE = ("container_label_com_docker_compose_project", "container_label_com_docker_compose_service")
_NAMES = {
    "annotation_resource_opentelemetry_io_service_name": kubernetes.NAME_ANNOTATION,
    "label_app_kubernetes_io_instance": kubernetes.NAME_LABELS[0],
    "label_app_kubernetes_io_name": kubernetes.NAME_LABELS[1],
}
_VERSIONS = {
    "annotation_resource_opentelemetry_io_service_version": kubernetes.VERSION_ANNOTATION,
    "label_app_kubernetes_io_version": kubernetes.VERSION_LABEL,
}


TAGS = _NAMES | _VERSIONS
"""The annotations and labels of a pod that name it, by their labels in Prometheus."""


def tags_of(labels: Labels) -> dict[str, str]:
    """Return the annotations and labels of a pod, by their names in Kubernetes."""
    return {tag: labels[label] for label, tag in TAGS.items() if labels.get(label)}


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a container: of Kubernetes by its pod, otherwise by its name."""
    pod, container, name = labels.get("pod"), labels.get("container"), labels.get("name")
    if pod and container:
        tags = tags_of(info)
        workload = kubernetes.workload(pod, _owner(info), tags)
        return pod_identity(labels, workload, kubernetes.version(labels.get("image", ""), tags))
    if pod or not name:
        return None
    project, service = (labels.get(label) for label in _COMPOSE)
    version = kubernetes.version(labels.get("image", ""))
    return docker_identity(labels, name, places_of(labels), (project, service), version)


def _owner(info: Labels) -> tuple[str, str] | None:
    kind, name = info.get("owner_kind"), info.get("owner_name")
    # A pod without an owner, and a static pod, which a node owns, have names of their own.
    return (kind, name) if kind and name and kind not in ("<none>", "Node") else None


def derive(fields: dict[str, float]) -> None:
    """Set the limit and what counts against it: the kernel ends a container by its working set."""
    limit, machine = fields.get("limit"), fields.get("total")
    known = [size for size in (limit, machine) if size]
    if known:
        fields["total"] = min(known)
    if limit and "working_set" in fields:
        fields["limit_used"] = fields["working_set"]


PRESET = Preset(
    name="cadvisor",
    about="containers (kubelet or cAdvisor; limits and owners also from kube-state-metrics)",
    memory=("working_set", "anon", "used"),
    sources=(
        Source("container_memory_working_set_bytes", "working_set"),
        Source("container_memory_rss", "anon"),
        Source("container_memory_usage_bytes", "used"),
        Source("container_memory_cache", "file"),
        Source("container_memory_swap", "swap_used"),
        Source("container_spec_memory_limit_bytes", "limit", slow=True),
        of_container("kube_pod_container_resource_limits", "limit", 'resource="memory"'),
        of_container("kube_pod_container_resource_limits_memory_bytes", "limit"),
        of_host("machine_memory_bytes", "total"),
        of_host("node_memory_MemTotal_bytes", "total"),
        of_host("node_memory_MemAvailable_bytes", "available"),
        Source("container_start_time_seconds", "started", slow=True),
        Source("container_cpu_usage_seconds_total", "cpu_seconds", 'cpu=~"total|"'),
        Source("container_oom_events_total", "oom_kills"),
        of_container("kube_pod_container_status_restarts_total", "restarts"),
        of_container("kube_pod_container_status_last_terminated_reason", "oom_reason", 'reason="OOMKilled"'),
    ),
    identify=identify,
    derive=derive,
    labels=(*_POD, "container", "name", "id", "image", *_COMPOSE, *OF_HOST),
    in_pods=True,
    selectors=(_OF_PODS, _OTHERS),
    infos=(
        Info("kube_pod_owner", _POD, ("owner_kind", "owner_name"), OF_CONTAINER),
        Info("kube_pod_labels", _POD, tuple(_NAMES), OF_CONTAINER, tuple(_VERSIONS)),
        Info("kube_pod_annotations", _POD, tuple(_NAMES), OF_CONTAINER, tuple(_VERSIONS)),
    ),
)  # fmt: skip
