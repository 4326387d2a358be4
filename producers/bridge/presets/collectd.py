"""Hosts and groups of processes, as collectd 5 measures them."""

from __future__ import annotations

from producers.names import fit, safe
from producers.prometheus.preset import Identity, Labels, Preset, Source, host_identity
from producers.prometheus.presets.process import derive as derive_process

_MEMORY = "collectd.memory.memory"
# The plugin tells no total. These are all of the host's memory, if the two parts of the slab are added.
_WHOLE = ("used", "free", "file", "buffers", "slab")
_STATES = {
    "used": "used",
    "free": "free",
    "cached": "file",
    "buffered": "buffers",
    "slab_recl": "slab_reclaimable",
    "slab_unrecl": "slab_unreclaimable",
    "slab": "slab",
    "available": "available",
}


def identify(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of a host: by the name that collectd has for it."""
    return host_identity({}, labels.get("host"))


def derive(fields: dict[str, float]) -> None:
    """Set the total, if all that it consists of is known, and what is used of it."""
    kept, lost = (fields.get(f"slab_{what}") for what in ("reclaimable", "unreclaimable"))
    if kept is not None and lost is not None:
        fields["slab"] = kept + lost
    parts = [fields.get(name) for name in _WHOLE]
    fields.pop("slab", None)
    if "file" in fields:
        fields["file"] += fields.get("buffers", 0.0)
    fields.pop("buffers", None)
    # collectd's own `used` has nothing of the slab, of which a part cannot be given back.
    fields["used"] += lost or 0.0
    if None in parts:
        return
    fields["total"] = fields["limit"] = sum(part or 0.0 for part in parts)
    if "available" in fields:
        fields["used"] = fields["total"] - fields["available"]
    fields["limit_used"] = fields["used"]


HOST = Preset(
    name="collectd",
    about="hosts (collectd's plugins memory and swap)",
    # What is available has a time of its own.
    memory=("used",),
    sources=(
        *(Source(_MEMORY, field, f'type_instance="{state}"') for state, field in _STATES.items()),
        # Where it is told by device, the devices come apart, and none of them is the whole.
        Source("collectd.swap.swap", "swap_used", 'plugin_instance="",type_instance="used"'),
    ),
    identify=identify,
    derive=derive,
    labels=("host",),
)


def identify_processes(labels: Labels, info: Labels) -> Identity | None:
    """Return the identity of the processes that the plugin adds up under one name."""
    host, name = labels.get("host"), labels.get("plugin_instance")
    if not host or not name:
        return None
    return Identity("process", fit(f"process/{safe(name)}"), fit(f"process/{host}/{name}"), (host,))


PROCESSES = Preset(
    name="collectd_processes",
    about="processes by name (collectd's plugin processes)",
    memory=("used",),
    sources=(Source("collectd.processes.ps_rss", "used"),),
    identify=identify_processes,
    derive=derive_process,
    labels=("host", "plugin_instance"),
)
