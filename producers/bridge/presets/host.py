"""Hosts, as the Collector's `host_metrics` measures them."""

from __future__ import annotations

from producers.prometheus.preset import OF_HOST, Identity, Labels, Preset, Source, host_identity

_STATES = {
    "used": "used",
    "free": "free",
    "cached": "file",
    "buffered": "buffers",
    "inactive": "inactive",
    "slab_reclaimable": "slab_reclaimable",
    "slab_unreclaimable": "slab_unreclaimable",
}


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a host: by its name in Kubernetes, else by its own."""
    name = labels.get("node") or labels.get("host_name")
    return host_identity({**labels, "instance": ""}, name) if name else None


def derive(fields: dict[str, float]) -> None:
    """Set the total, which is the sum of the states where it is not told, and what is used of it."""
    inactive = fields.pop("inactive", 0.0)
    if "used" in fields and "free" in fields:
        # Linux tells no inactive memory here; other systems tell nothing else.
        others = fields["file"] + fields.get("buffers", 0.0) if "file" in fields else inactive
        fields.setdefault("total", fields["used"] + fields["free"] + others)
    total, available = fields.get("total"), fields.get("available")
    if total and available is not None:
        fields["used"] = total - available
    if total:
        fields["limit"] = total
        if "used" in fields:
            fields["limit_used"] = fields["used"]
    buffers = fields.pop("buffers", 0.0)
    if "file" in fields:
        fields["file"] += buffers


PRESET = Preset(
    name="host_metrics",
    about="hosts (the Collector's host_metrics)",
    memory=("used", "available"),
    sources=(
        *(Source("system.memory.usage", field, f'state="{state}"') for state, field in _STATES.items()),
        Source("system.linux.memory.available", "available"),
        Source("system.memory.linux.available", "available"),
        Source("system.memory.limit", "total"),
        Source("system.paging.usage", "swap_used", 'state="used"', adds=True),
        Source("system.cpu.time", "cpu_seconds", 'state!~"idle|wait"', begins=True, adds=True),
    ),
    identify=identify,
    derive=derive,
    labels=("host_name", *OF_HOST),
)
