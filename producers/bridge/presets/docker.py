"""Containers of Docker, as the Collector's `docker_stats` measures them."""

from __future__ import annotations

from producers import kubernetes
from producers.bridge.names import OF_IMAGE, image_of
from producers.prometheus.preset import (
    OF_HOST,
    Identity,
    Labels,
    Preset,
    Source,
    docker_identity,
    of_cluster,
    within_limit,
)


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a container: by its service of Compose, or its name.

    Without a host the id tells containers of one name apart.
    """
    # Docker writes a slash before it.
    name, container = labels.get("name", "").lstrip("/"), labels.get("container_id", "")[:12]
    host = labels.get("node") or labels.get("host_name")
    if not name or not (host or container):
        return None
    compose = labels.get("compose_project"), labels.get("compose_service")
    version = kubernetes.version(image_of(labels))
    made = docker_identity(labels, name, (host,) if host else (), compose, version)
    return made._replace(
        instance=made.instance if host else of_cluster(labels, f"{container}/{name}"),
        environment=labels.get("environment") or made.environment,
    )


PRESET = Preset(
    name="docker_stats",
    about="containers of Docker (the Collector's docker_stats)",
    memory=("working_set", "anon"),
    sources=(
        Source("container.memory.usage.total", "working_set"),
        Source("container.memory.anon", "anon"),
        Source("container.memory.total_rss", "anon"),
        Source("container.memory.rss", "anon"),
        Source("container.memory.file", "file"),
        Source("container.memory.total_cache", "file"),
        Source("container.memory.usage.limit", "limit"),
        Source("container.memory.pgmajfault", "faults_major"),
        Source("container.cpu.usage.total", "cpu_seconds", scale=1e-9),
        Source("container.restarts", "restarts"),
    ),
    identify=identify,
    # Where there is no limit, Docker tells the memory of the host.
    derive=within_limit,
    labels=(
        "name",
        "host_name",
        "container_id",
        "environment",
        "compose_project",
        "compose_service",
        *OF_IMAGE,
        *OF_HOST,
    ),
)
