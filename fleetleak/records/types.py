"""Units and ranges as types: a field's type states its unit, and so does its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, inspect

MOST_BYTES = 2**60
MOST_COUNT = 2**63 - 1
MOST_UNIX_SECONDS = 10**11
MOST_NAME = 256
MOST_TEXT = 1024
Bytes = Annotated[int, Meta(ge=0, le=MOST_BYTES, description="bytes")]
Count = Annotated[int, Meta(ge=0, le=MOST_COUNT, description="a counter since the source started")]
UnixSeconds = Annotated[float, Meta(ge=0, le=float(MOST_UNIX_SECONDS), description="unix time in seconds")]
Seconds = Annotated[float, Meta(ge=0, description="seconds")]
BytesPerSecond = Annotated[float, Meta(description="bytes per second")]
Fraction = Annotated[float, Meta(ge=0, le=1, description="a share, from 0 to 1")]
Probability = Annotated[float, Meta(ge=0, le=1, description="a tail probability: small means unusual")]
PartitionNumber = Annotated[int, Meta(ge=0, le=2**31 - 1, description="a partition's number")]
Offset = Annotated[int, Meta(ge=0, le=2**63 - 1, description="an offset in a partition")]
Name = Annotated[str, Meta(min_length=1, max_length=MOST_NAME, description="a name")]
Labels = Annotated[dict[Name, Annotated[str, Meta(max_length=MOST_NAME)]], Meta(max_length=32)]
Text = Annotated[str, Meta(max_length=MOST_TEXT, description="words for people")]
AlertKey = Annotated[str, Meta(min_length=1, max_length=512, description="an alert's key")]
"""Longer than a name: it consists of the service's name, a time and a track."""
HowMany = Annotated[int, Meta(ge=0, le=2**63 - 1, description="how many")]

Scope = Literal["host", "pod", "container", "unit", "process"]
"""What was measured: a whole host, a pod, a container, a systemd unit or one process."""

Kind = Literal[
    "linear", "exponential", "periodic", "staircase", "fragmentation",
    "stable", "saturating", "step", "seasonal", "load",
]  # fmt: skip
"""The kind of a growth: five kinds of leak, then the benign ones."""

LEAK_KINDS: frozenset[str] = frozenset({"linear", "exponential", "periodic", "staircase", "fragmentation"})


def bare(info: inspect.Type) -> inspect.Type:
    """Return the type of a field without its restrictions and without `or None`."""
    if isinstance(info, inspect.Metadata):
        return bare(info.type)
    if isinstance(info, inspect.UnionType):
        return bare(next(t for t in info.types if not isinstance(t, inspect.NoneType)))
    return info
