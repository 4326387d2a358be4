"""The whole state of a service as a checkpoint holds it (docs/models.md)."""

from __future__ import annotations

import msgspec

from fleetleak.records.types import UnixSeconds
from processors.models.codec import CorruptState, payload_of, seal, unseal
from processors.place.siblings import SiblingView

_FORM = "service/3"


class StoredInstance(msgspec.Struct, array_like=True, gc=False):
    """One instance of a stored service."""

    name: str
    time: UnixSeconds
    started: float | None
    cpu_seconds: float | None
    faults: int | None
    pressure: float | None
    gap: float
    version: str | None
    memory: float
    limit: int
    unit: int
    suspected: bool
    parts: dict[str, bytes]
    scored: tuple[float, float | None] | None = None
    """Time and start of its newest scored record, where they are not `time` and `started`."""


class StoredService(msgspec.Struct, array_like=True, gc=False):
    """The whole state of a service as a checkpoint holds it (docs/models.md)."""

    begun: UnixSeconds
    newest: UnixSeconds
    pruned: UnixSeconds
    parts: dict[str, bytes]
    instances: list[StoredInstance]
    siblings: SiblingView


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StoredService).decode


def decode(state: bytes) -> StoredService:
    """Read a stored service.

    Raises
    ------
    ValueError
        If the bytes are not one.
    """
    stored = _decode(unseal(state, _FORM))
    if len({instance.name for instance in stored.instances}) < len(stored.instances):
        raise CorruptState("two instances have one name")
    return stored


def reopen(state: bytes) -> StoredService:
    """Return a stored service that `decode` has read before, or `encode` has written."""
    return _decode(payload_of(state))


def encode(stored: StoredService) -> bytes:
    """Return a stored service as sealed bytes."""
    return seal(_encode(stored), _FORM)
