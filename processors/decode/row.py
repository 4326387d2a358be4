"""A snapshot as one row: what names it, then its numbers."""

from __future__ import annotations

import math
from typing import Any, get_args

import msgspec
import numpy as np
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


def _number(field: FieldInfo) -> Any:
    """Return the type of a number with its bounds, without None."""
    given = get_args(field.type) if type(None) in get_args(field.type) else (field.type,)
    return next(kind for kind in given if kind is not type(None))


def _field(field: FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    """Return a field of the row: as in the snapshot, but a number that is absent is a number, too."""
    if field.required:
        return field.name, field.type
    if field.name in (*NAMES, "labels"):
        return field.name, field.type, field.default
    kind = _number(field)
    return field.name, kind, math.nan if kind.__origin__ is float else -1


Row: Any = msgspec.defstruct(
    "Row",
    [_field(_FIELDS[name]) for name in _ORDER],
    tag_field=Snapshot.__struct_config__.tag_field,
    tag=Snapshot.__struct_config__.tag,
    kw_only=True,
    gc=False,
)
"""Decodes what `Snapshot` decodes, except a number that is written as null."""
_ABSENT = msgspec.structs.astuple(Row(service="", instance="", timestamp=0.0))


def values_of(snapshot: Snapshot) -> tuple[Any, ...]:
    """Return a snapshot as the values of a row, in their order."""
    given = ((getattr(snapshot, name), absent) for name, absent in zip(_ORDER, _ABSENT, strict=True))
    return tuple(absent if value is None else value for value, absent in given)


_TEXT, _WHOLE, _REAL = range(3)


def _for_kernel(name: str) -> tuple[bytes, int, int, int, bool, float]:
    if name in (*NAMES, "labels"):
        return name.encode(), len(name), _TEXT, -1, name == "service", math.inf
    number = _number(_FIELDS[name])
    kind, columns = (_WHOLE, INTS) if number.__origin__ is int else (_REAL, FLOATS)
    column = columns.index(name) if name in columns else -1
    most = number.__metadata__[0].le
    return name.encode(), len(name), kind, column, False, math.inf if most is None else float(most)


TAG = b'{"schema":"%s"' % str(Snapshot.__struct_config__.tag).encode()
"""What a snapshot of our own agent begins with."""
# In the order in which an agent writes them; those without which there is no snapshot come first.
KERNEL_FIELDS = np.array(
    [_for_kernel(name) for name in _FIELDS],
    dtype=[
        ("name", "S24"),
        ("length", "i4"),
        ("kind", "i4"),
        ("column", "i4"),
        ("service", "i4"),
        ("most", "f8"),
    ],
).view(np.uint8)
"""The fields for the kernel that reads snapshots, as kernels/snapshots.c has them."""
