"""Containers, nodes, hosts and processes, as Elastic's Metricbeat measures them."""

from __future__ import annotations

from producers.bridge.names import OF_IMAGE, OF_POD
from producers.bridge.presets import docker, host, kubelet, process
from producers.prometheus.preset import OF_HOST, Preset, Source, of_container, within_limit
from producers.prometheus.presets import node
from producers.prometheus.presets.process import derive as derive_process

_CONTAINER, _NODE = "kubernetes.container", "kubernetes.node"
_RESTARTS = f"{_CONTAINER}.status.restarts"

CONTAINERS = Preset(
    name="metricbeat_kubernetes",
    about="containers (Metricbeat's module kubernetes: container and state_container)",
    memory=("working_set", "anon", "used"),
    sources=(
        Source(f"{_CONTAINER}.memory.workingset.bytes", "working_set", begins=True),
        Source(f"{_CONTAINER}.memory.rss.bytes", "anon", begins=True),
        Source(f"{_CONTAINER}.memory.usage.bytes", "used", begins=True),
        Source(f"{_CONTAINER}.memory.available.bytes", "left"),
        Source(f"{_CONTAINER}.memory.majorpagefaults", "faults_major"),
        Source(f"{_CONTAINER}.cpu.usage.core.ns", "cpu_seconds", scale=1e-9),
        of_container(f"{_CONTAINER}.memory.limit.bytes", "limit"),
        of_container(_RESTARTS, "restarts"),
        of_container(_RESTARTS, "oom_reason", 'last_terminated_reason="OOMKilled"'),
    ),
    identify=kubelet.identify,
    derive=kubelet.derive,
    labels=(*OF_POD, *OF_HOST),
    in_pods=True,
)

NODES = Preset(
    name="metricbeat_node",
    about="nodes (Metricbeat's module kubernetes: node)",
    memory=("working_set",),
    sources=(
        Source(f"{_NODE}.memory.workingset.bytes", "working_set", begins=True),
        Source(f"{_NODE}.memory.available.bytes", "available"),
        Source(f"{_NODE}.memory.rss.bytes", "anon"),
        Source(f"{_NODE}.cpu.usage.core.ns", "cpu_seconds", scale=1e-9),
    ),
    identify=kubelet.identify_node,
    derive=kubelet.derive_node,
    labels=("node", *OF_HOST),
)

DOCKER = Preset(
    name="metricbeat_docker",
    about="containers of Docker (Metricbeat's module docker: memory)",
    memory=("working_set", "anon"),
    sources=(
        # Without the file pages that were not used lately; older versions count them.
        Source("docker.memory.usage.total", "working_set"),
        # Version 2 of cgroups, then version 1, where the totals include the groups below.
        Source("docker.memory.stats.anon", "anon"),
        Source("docker.memory.rss.total", "anon"),
        Source("docker.memory.stats.file", "file"),
        Source("docker.memory.stats.total_cache", "file"),
        Source("docker.memory.limit", "limit"),
        Source("docker.memory.stats.total_pgmajfault", "faults_major"),
        Source("docker.memory.stats.pgmajfault", "faults_major"),
    ),
    identify=docker.identify,
    derive=within_limit,
    labels=("name", "host_name", "compose_project", "compose_service", *OF_IMAGE, *OF_HOST),
)

HOST = Preset(
    name="metricbeat_system",
    about="hosts (Metricbeat's module system: memory)",
    memory=("available",),
    sources=(
        Source("system.memory.actual.free", "available"),
        Source("system.memory.total", "total"),
        Source("system.memory.free", "free"),
        Source("system.memory.cached", "file"),
        Source("system.memory.swap.total", "swap_total"),
        Source("system.memory.swap.free", "swap_free"),
    ),
    identify=host.identify,
    derive=node.derive,
    labels=("host_name", *OF_HOST),
)

PROCESSES = Preset(
    name="metricbeat_process",
    about="processes in no container (Metricbeat's module system: process)",
    memory=("used",),
    sources=(
        Source("system.process.memory.rss.bytes", "used", begins=True),
        Source("system.process.cpu.total.value", "cpu_seconds", scale=1e-3),
    ),
    identify=process.identify,
    derive=derive_process,
    labels=("host_name", "pid", "executable", *OF_HOST),
)
