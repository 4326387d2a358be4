"""Hosts, as node_exporter measures them."""

from __future__ import annotations

from producers.prometheus.preset import OF_HOST, Identity, Info, Labels, Preset, Source, host_identity


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a host: its own name, else that of its target."""
    return host_identity(labels, info.get("nodename") or labels.get("nodename"))


def derive(fields: dict[str, float]) -> None:
    """Set what the agent computes from the same numbers; what contradicts itself becomes negative."""
    total, available = fields.get("total"), fields.get("available")
    if total and available is not None:
        fields["used"] = total - available
    if total:
        fields["limit"] = total
        if "used" in fields:
            fields["limit_used"] = fields["used"]
    swap, free = fields.get("swap_total"), fields.pop("swap_free", None)
    if swap is not None and free is not None:
        fields["swap_used"] = swap - free
    cached, buffers = fields.get("file"), fields.pop("buffers", None)
    if cached is not None and buffers is not None:
        fields["file"] = cached + buffers


PRESET = Preset(
    name="node",
    about="hosts (node_exporter)",
    memory=("available",),
    sources=(
        Source("node_memory_MemAvailable_bytes", "available"),
        Source("node_memory_MemTotal_bytes", "total"),
        Source("node_memory_MemFree_bytes", "free"),
        Source("node_memory_AnonPages_bytes", "anon"),
        Source("node_memory_Cached_bytes", "file"),
        Source("node_memory_Buffers_bytes", "buffers"),
        Source("node_memory_Active_bytes", "active"),
        Source("node_memory_Shmem_bytes", "shmem"),
        Source("node_memory_SReclaimable_bytes", "slab_reclaimable"),
        Source("node_memory_SUnreclaim_bytes", "slab_unreclaimable"),
        Source("node_memory_KernelStack_bytes", "kernel_stack"),
        Source("node_memory_PageTables_bytes", "page_tables"),
        Source("node_memory_SwapTotal_bytes", "swap_total"),
        Source("node_memory_SwapFree_bytes", "swap_free"),
        Source("node_pressure_memory_waiting_seconds_total", "pressure_some"),
        Source("node_pressure_memory_stalled_seconds_total", "pressure_full"),
        Source("node_vmstat_oom_kill", "oom_kills"),
        Source("node_boot_time_seconds", "started", slow=True),
    ),
    identify=identify,
    derive=derive,
    labels=("nodename", *OF_HOST),
    infos=(Info("node_uname_info", ("instance",), ("nodename",)),),
)
