"""OpenTelemetry's attributes that name things, as labels. What is not listed here stays behind at the door.

So no command line, environment or description of others gets onto a topic of fleetleak.
"""

from __future__ import annotations

from collections.abc import Mapping

from producers.prometheus.presets.cadvisor import TAGS

# The name of the attribute got an `s` in some versions of the conventions and of the Collector.
_PREFIXES = (
    "k8s.pod.annotation.", "k8s.pod.annotations.", "k8s.pod.label.", "k8s.pod.labels.",
)  # fmt: skip

OWNERS = {
    "deployment": "Deployment",
    "replicaset": "ReplicaSet",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "cronjob": "CronJob",
    "job": "Job",
}
"""The label that names what owns a pod, and its kind, in OpenTelemetry's order."""

ATTRIBUTES = {
    "com.docker.compose.project": "compose_project",
    "com.docker.compose.service": "compose_service",
    "container.id": "container_id",
    "container.image.name": "image_name",
    "container.image.tag": "image_tag",
    "container.image.tags": "image_tag",
    "container.image.repo_digests": "image_digest",
    "container.name": "name",
    "deployment.environment": "environment",
    "deployment.environment.name": "environment",
    "host.name": "host_name",
    "k8s.cluster.name": "cluster",
    "k8s.container.name": "container",
    "k8s.container.status.last_terminated_reason": "last_terminated_reason",
    "k8s.namespace.name": "namespace",
    "k8s.node.name": "node",
    "k8s.pod.name": "pod",
    "process.cgroup": "cgroup",
    "process.linux.cgroup": "cgroup",
    "process.executable.name": "executable",
    "process.pid": "pid",
    "service.instance.id": "service_instance_id",
    "service.name": "service_name",
    "service.namespace": "service_namespace",
    "service.version": "service_version",
    "state": "state",
    **{f"k8s.{label}.name": f"k8s_{label}" for label in OWNERS},
    **{prefix + tag: label for label, tag in TAGS.items() for prefix in _PREFIXES},
}
"""The label of each attribute."""


def owner_of(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the kind and the name of what owns a pod."""
    known = ((kind, labels.get(f"k8s_{label}")) for label, kind in OWNERS.items())
    return next(((kind, name) for kind, name in known if name), None)


def image_of(labels: Mapping[str, str]) -> str:
    """Return the image with its tag and its digest, as far as they are known."""
    name, tag, digest = (labels.get(f"image_{what}", "") for what in ("name", "tag", "digest"))
    digest = digest.rpartition("@")[2]
    return f"{name}{tag and f':{tag}'}{digest and f'@{digest}'}"


OF_IMAGE = ("image_name", "image_tag", "image_digest")
OF_POD = (
    "namespace", "pod", "container", "service_name", "service_version",
    *(f"k8s_{label}" for label in OWNERS), *TAGS, *OF_IMAGE,
)  # fmt: skip
"""Labels that name a container of a pod, its workload and its version."""


def of_prometheus(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a target of the Collector's Prometheus receiver, as Prometheus has them."""
    names = {"job": "service_name", "instance": "service_instance_id", "cluster": "cluster", "node": "node"}
    return {name: labels[label] for name, label in names.items() if labels.get(label)}
