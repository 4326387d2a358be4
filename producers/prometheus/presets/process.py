"""Processes that export their own memory: the standard `process_` metrics of client libraries."""

from __future__ import annotations

from producers import kubernetes
from producers.names import fit, safe
from producers.prometheus.preset import (
    OF_HOST,
    Identity,
    Labels,
    Preset,
    Source,
    cluster_of,
    of_cluster,
    of_container,
    of_host,
    places_of,
)


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a process: by its pod where the target has one, otherwise by its job."""
    pod, container, job = labels.get("pod"), labels.get("container"), labels.get("job")
    if pod and container:
        namespace = labels.get("namespace") or "default"
        own = f"process/{kubernetes.instance(namespace, pod, container)}"
        service = f"process/{safe(namespace)}/{safe(kubernetes.workload(pod))}/{safe(container)}"
        kept = {"namespace": namespace, "pod": pod, "container": container}
    elif job:
        service, own, kept = f"process/{safe(job)}", f"{job}/{labels.get('instance', '')}", {"job": job}
    else:
        return None
    return Identity(
        "process", fit(service), of_cluster(labels, own), places_of(labels),
        environment=cluster_of(labels) or None, labels=kept,
    )  # fmt: skip


def derive(fields: dict[str, float]) -> None:
    """Set what counts against a container's limit."""
    limit, host = fields.get("limit"), fields.get("total")
    if limit:
        fields["total"] = min(limit, host) if host else limit
        fields["limit_used"] = fields["used"]


PRESET = Preset(
    name="process",
    about="processes that export process_resident_memory_bytes",
    memory=("used",),
    sources=(
        Source("process_resident_memory_bytes", "used"),
        of_container("kube_pod_container_resource_limits", "limit", 'resource="memory"'),
        of_host("node_memory_MemTotal_bytes", "total"),
        of_host("machine_memory_bytes", "total"),
        of_host("node_memory_MemAvailable_bytes", "available"),
        Source("process_start_time_seconds", "started", slow=True),
        Source("process_cpu_seconds_total", "cpu_seconds"),
    ),
    identify=identify,
    derive=derive,
    labels=("namespace", "pod", "container", "job", *OF_HOST),
    in_pods=True,
    inside=("cadvisor",),
)
