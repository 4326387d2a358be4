"""Control records beside labels on the feedback topic: what changes a role's state from outside."""

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


class ModelPrior(Struct, tag_field="schema", tag="model-prior/1", kw_only=True, omit_defaults=True, gc=False):
    """Lend what was learned of a similar service to a cold one; topic `feedback`, key `service`.

    What is shared by a service's instances is taken over: what is normal for it, its point models and
    their calibration. A service known for a day or longer keeps its own.
    """

    service: Name
    lender: Name
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


class Promotion(Struct, tag_field="schema", tag="promotion/1", kw_only=True, omit_defaults=True, gc=False):
    """Let one track speak, and no other; topic `feedback`, in every partition, key `PROMOTION_KEY`."""

    track: Name
    author: Name
    time: UnixSeconds
    reason: Text | None = None


# No UTF-8, so no service has it.
PROMOTION_KEY = b"\xffpromotion"

Control = Label | ModelImport | ModelPrior | ModelDelete | Promotion
_READERS: tuple[Decoder[Control], ...] = (
    Decoder(Label), Decoder(ModelImport), Decoder(ModelPrior), Decoder(ModelDelete), Decoder(Promotion),
)  # fmt: skip


def read(value: bytes | None) -> Control | None:
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
