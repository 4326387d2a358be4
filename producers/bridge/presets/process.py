"""Processes, as the Collector's `host_metrics` and OpenTelemetry's libraries in them measure them."""

from __future__ import annotations

import re

from producers import kubernetes
from producers.bridge.names import OF_POD, owner_of
from producers.names import fit, safe
from producers.prometheus.preset import OF_HOST, Identity, Labels, Preset, Source, cluster_of, of_cluster
from producers.prometheus.presets.cadvisor import tags_of
from producers.prometheus.presets.process import derive

# A host has hundreds of smaller ones, and threads of the kernel without any memory of their own.
SMALL_BYTES = 32 * 2**20
_NAMES = ("host_name", "pid", "executable", "environment", "service_namespace", "service_instance_id")


# The id of a container, as the last part of a cgroup's path has it with any runtime.
_IN_CONTAINER = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a process: by its pod, its service, or its program and number on the host.

    None for a process of the host's list that is in a container: the container is measured, with its limit.
    """
    if _IN_CONTAINER.search(labels.get("cgroup", "")):
        return None
    namespace, pod, container = (labels.get(name) for name in ("namespace", "pod", "container"))
    service, program = labels.get("service_name"), labels.get("executable")
    host, pid = labels.get("node") or labels.get("host_name"), labels.get("pid")
    own = labels.get("service_instance_id") or (f"{host}/{pid}" if host and pid else None)
    if namespace and pod and container:
        workload = service or kubernetes.workload(pod, owner_of(labels), tags_of(labels))
        name = f"{safe(namespace)}/{safe(workload)}/{safe(container)}"
        own = kubernetes.instance(namespace, pod, container)
    elif service and own:
        name = f"{safe(labels['service_namespace'])}/" if labels.get("service_namespace") else ""
        name, own = f"{name}{safe(service)}", f"{service}/{own}"
    elif program and own:
        name = safe(program)
    else:
        return None
    return Identity(
        "process",
        fit(f"process/{name}"),
        of_cluster(labels, f"process/{own}"),
        (host,) if host else (),
        labels.get("service_version"),
        labels.get("environment") or cluster_of(labels) or None,
        {"pid": pid} if pid else {},
    )


PRESET = Preset(
    name="process_metrics",
    about="processes (the Collector's host_metrics, or OpenTelemetry's libraries)",
    memory=("used",),
    sources=(
        Source("process.memory.usage", "used", small=SMALL_BYTES),
        Source("process.cpu.time", "cpu_seconds", begins=True, adds=True),
    ),
    identify=identify,
    derive=derive,
    labels=tuple(dict.fromkeys((*OF_POD, *_NAMES, *OF_HOST))),
    in_pods=True,
)
