"""Hosts, as windows_exporter measures them; its older versions have other names."""

from __future__ import annotations

from producers.prometheus.preset import OF_HOST, Identity, Info, Labels, Preset, Source, host_identity


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a host: its own name, else that of its target."""
    return host_identity(labels, info.get("hostname"))


def derive(fields: dict[str, float]) -> None:
    """Set what is used, negative if it contradicts itself; Windows counts its standby cache as free."""
    total, available = fields.get("total"), fields.get("available")
    if total:
        fields["limit"] = total
        if available is not None:
            fields["used"] = fields["limit_used"] = total - available


PRESET = Preset(
    name="windows",
    about="Windows hosts (windows_exporter)",
    memory=("available",),
    sources=(
        Source("windows_memory_available_bytes", "available"),
        Source("windows_memory_physical_free_bytes", "available"),
        Source("windows_os_physical_memory_free_bytes", "available"),
        Source("windows_memory_physical_total_bytes", "total", slow=True),
        Source("windows_cs_physical_memory_bytes", "total", slow=True),
        Source("windows_system_boot_time_timestamp_seconds", "started", slow=True),
        Source("windows_system_boot_time_timestamp", "started", slow=True),
        Source("windows_system_system_up_time", "started", slow=True),
    ),
    identify=identify,
    derive=derive,
    labels=OF_HOST,
    infos=(
        Info("windows_cs_hostname", ("instance",), ("hostname",)),
        Info("windows_os_hostname", ("instance",), ("hostname",)),
    ),
)
