"""Hosts and processes, as Vector's `host_metrics` measures them in its own namespace, `host`."""

from __future__ import annotations

from producers.bridge.presets import host, process
from producers.prometheus.preset import OF_HOST, Identity, Labels, Preset, Source
from producers.prometheus.presets import node
from producers.prometheus.presets.process import derive


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a host, by the rule for those of the Collector."""
    return host.identify({**labels, "host_name": labels.get("host", "")}, info)


HOSTS = Preset(
    name="vector_host",
    about="hosts (Vector's host_metrics)",
    memory=("available",),
    sources=(
        Source("host_memory_available_bytes", "available"),
        Source("host_memory_total_bytes", "total"),
        Source("host_memory_free_bytes", "free"),
        Source("host_memory_cached_bytes", "file"),
        Source("host_memory_buffers_bytes", "buffers"),
        Source("host_memory_active_bytes", "active"),
        Source("host_memory_shared_bytes", "shmem"),
        Source("host_memory_swap_total_bytes", "swap_total"),
        Source("host_memory_swap_used_bytes", "swap_used"),
        Source("host_memory_oom_kill_events_total", "oom_kills"),
        Source("host_boot_time", "started", slow=True),
    ),
    identify=identify,
    # It computes the same from the same numbers of the kernel.
    derive=node.derive,
    labels=("host", *OF_HOST),
)


def identify_process(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a process, by the rule for those of the Collector: program, host and number."""
    # Of other tags that a configuration may add, the pod of Vector itself would name each process.
    own = {name: labels.get(name, "") for name in ("pid", *OF_HOST)}
    named = {"host_name": labels.get("host", ""), "executable": labels.get("name", "")}
    return process.identify(own | named, info)


# `host_process_runtime` is in whole seconds: a start computed from it would be another one at each time.
PROCESSES = Preset(
    name="vector_process",
    about="processes (Vector's host_metrics)",
    memory=("used",),
    sources=(Source("host_process_memory_usage", "used", small=process.SMALL_BYTES),),
    identify=identify_process,
    derive=derive,
    labels=("host", "name", "pid", *OF_HOST),
)
