"""Control records beside labels on the feedback topic: what changes a service's state from outside."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records.codec import Decoder, Unreadable
from fleetleak.records.label import Label
from fleetleak.records.types import Name, Text, UnixSeconds


class ModelImport(
    Struct, tag_field="schema", tag="model-import/1", kw_only=True, omit_defaults=True, gc=False
):
    """Replace what was learned of a service by an exported state; topic `feedback`, key `service`."""

    service: Name
    state: bytes
    author: Name
    time: UnixSeconds
    reason: Text | None = None


class ModelDelete(
    Struct, tag_field="schema", tag="model-delete/1", kw_only=True, omit_defaults=True, gc=False
):
    """Forget what was learned of a service; topic `feedback`, key `service`."""

    service: Name
    author: Name
    time: UnixSeconds
    reason: Text | None = None


_READERS = (Decoder(Label), Decoder(ModelImport), Decoder(ModelDelete))


def read(value: bytes | None) -> Label | ModelImport | ModelDelete | None:
    """Read a control record; None for one of a kind this version does not know, which is for others.

    Raises
    ------
    Unreadable
        If it is of a known kind and cannot be read.
    """
    for reader in _READERS:
        try:
            return reader.decode(value)
        except Unreadable as error:
            if error.reason != "wrong-record":
                raise
    return None
