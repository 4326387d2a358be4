"""Names of columns: the parts of a header, and the field it stands for."""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec.structs import fields

from fleetleak.records import Snapshot
from fleetleak_app.reading.units import BYTES, TIME, Unit

FIELDS = {f.name for f in fields(Snapshot)} - {"labels"}
TEXT = {"service", "instance", "host", "scope", "environment", "version", "limit_name"}
TIMES = {"timestamp", "started"}
SECONDS = {"pressure_some", "pressure_full", "cpu_seconds"}
COUNTERS = {"faults_minor", "faults_major", "oom_kills"}
BYTE_FIELDS = FIELDS - TEXT - TIMES - SECONDS - COUNTERS

# In order of preference; the name of the field itself is preferred to all of them.
SYNONYMS = {
    "timestamp": (
        "time", "ts", "@timestamp", "datetime", "date_time", "time_stamp", "date", "epoch", "unix_time",
        "unixtime",
    ),
    "used": (
        "mem_used", "memory_used", "used_memory", "container_memory_working_set", "working_set",
        "container_memory_rss", "process_resident_memory", "rss", "resident", "resident_memory",
        "memory_usage", "mem_usage", "container_memory_usage", "memory", "mem", "value",
    ),
    "total": (
        "mem_total", "memory_total", "total_memory", "node_memory_mem_total", "machine_memory", "capacity",
        "memory_capacity", "memory_capacity_provisioned",
    ),
    "limit": ("memory_limit", "mem_limit", "container_spec_memory_limit"),
    "service": ("service_name", "series", "job", "app", "application", "container", "container_name", "name"),
    "instance": ("pod", "pod_name", "name"),
    "host": ("hostname", "node"),
}  # fmt: skip
"""Well-known names of columns by field, spelt as in `Head.key`."""

_IN_BRACKETS = re.compile(r"(.*\S)\s*[(\[]\s*([A-Za-zµ%]+)\s*[)\]]")
_CAMEL = re.compile(r"(?<![KMGTP]i)(?<=[a-z0-9])(?=[A-Z])")
_OTHER_SIGNS = re.compile(r"[^a-z0-9%@]+")
_UNITS = BYTES | TIME
_SHORTEST_SUFFIX = 2


class Head(NamedTuple):
    """The parts of a header: its name, the name without its unit, and the unit."""

    key: str
    base: str
    unit: Unit | None


def head(name: str) -> Head:
    """Return the parts of a header.

    Examples
    --------
    >>> head("Used (MiB)")
    Head(key='used', base='used', unit=Unit(name='MiB', factor=1048576.0))
    >>> head("rss_kb")
    Head(key='rss_kb', base='rss', unit=Unit(name='kB', factor=1000.0))
    >>> head("limit_used").unit is None
    True
    """
    if bracketed := _IN_BRACKETS.fullmatch(name):
        unit = _UNITS.get(bracketed[2].lower())
        if unit is not None:
            key = _key(bracketed[1])
            return Head(key, key, unit)
    key = _key(name)
    base, _, suffix = key.rpartition("_")
    unit = _UNITS.get(suffix) if len(suffix) >= _SHORTEST_SUFFIX or suffix == "%" else None
    if not base or unit is None or key in FIELDS:
        return Head(key, key, None)
    return Head(key, base, unit)


def without_unit(name: str) -> str:
    """Return a name without a unit in brackets.

    Examples
    --------
    >>> without_unit("cart (MiB)")
    'cart'
    """
    match = _IN_BRACKETS.fullmatch(name)
    return match[1] if match and match[2].lower() in _UNITS else name


def _key(name: str) -> str:
    """Return a name in small letters, with `_` between its words."""
    return _OTHER_SIGNS.sub("_", _CAMEL.sub("_", name).lower()).strip("_")


def suggested(field: str) -> str | None:
    """Return the field that a well-known name stands for, or None."""
    key = _key(field)
    return next((known for known, names in SYNONYMS.items() if key in names), None)
