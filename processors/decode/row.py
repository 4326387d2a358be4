"""A snapshot as one row: what names it, then its numbers."""

from __future__ import annotations

import math
from typing import Any, get_args

import msgspec
from msgspec.structs import FieldInfo

from fleetleak.records import Snapshot

NAMES = ("service", "instance", "host", "scope", "environment", "version", "limit_name")
"""The texts of a snapshot. With its labels they are the same at every tick of an instance."""
FLOATS = ("timestamp", "started", "cpu_seconds", "pressure_some")
INTS = (
    "total", "available", "used", "free", "swap_used", "anon", "file", "shmem", "slab_reclaimable",
    "slab_unreclaimable", "kernel_stack", "page_tables", "sockets", "working_set", "limit", "limit_used",
    "attributed", "faults_minor", "oom_kills",
)  # fmt: skip
"""The whole numbers that scoring uses; -1 where absent. A float is NaN where absent."""

LABELS_AT = len(NAMES)
FLOATS_AT = slice(LABELS_AT + 1, LABELS_AT + 1 + len(FLOATS))
INTS_AT = slice(FLOATS_AT.stop, FLOATS_AT.stop + len(INTS))

_FIELDS = {field.name: field for field in msgspec.structs.fields(Snapshot)}
_USED = (*NAMES, "labels", *FLOATS, *INTS)
# Numbers that scoring does not use are checked all the same.
_ORDER = (*_USED, *sorted(_FIELDS.keys() - set(_USED)))


def _field(field: FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    """Return a field of the row: as in the snapshot, but a number that is absent is a number, too."""
    if field.required:
        return field.name, field.type
    if field.name in (*NAMES, "labels"):
        return field.name, field.type, field.default
    (kind,) = (kind for kind in get_args(field.type) if kind is not type(None))
    absent = math.nan if kind.__origin__ is float else -1
    return field.name, kind, absent


Row: Any = msgspec.defstruct(
    "Row",
    [_field(_FIELDS[name]) for name in _ORDER],
    tag_field=Snapshot.__struct_config__.tag_field,
    tag=Snapshot.__struct_config__.tag,
    kw_only=True,
    gc=False,
)
"""Decodes what `Snapshot` decodes, except a number that is written as null."""


def values_of(snapshot: Snapshot) -> tuple[Any, ...]:
    """Return a snapshot as the values of a row, in their order."""
    absent = dict(zip(_ORDER, msgspec.structs.astuple(_EMPTY), strict=True))
    values = ((name, getattr(snapshot, name)) for name in _ORDER)
    return tuple(absent[name] if value is None else value for name, value in values)


_EMPTY = Row(service="", instance="", timestamp=0.0)
