"""Control records on the feedback topic: labels, and other records that change a role's state."""

from __future__ import annotations

from typing import get_args

from msgspec import Struct

from fleetleak.records.codec import Decoder, Unreadable
from fleetleak.records.label import Label
from fleetleak.records.types import HowMany, Name, Text, UnixSeconds


class ModelImport(
    Struct, tag_field="schema", tag="model-import/1", kw_only=True, omit_defaults=True, gc=False
):
    """Replaces the learned state of a service by an exported one; topic `feedback`, key `service`."""

    service: Name
    state: bytes
    author: Name
    time: UnixSeconds
    reason: Text | None = None


class ModelPrior(Struct, tag_field="schema", tag="model-prior/1", kw_only=True, omit_defaults=True, gc=False):
    """Gives a new service the learned state of a similar one; topic `feedback`, key `service`.

    Only what a service's instances share is taken over: what is normal for it, its point models and their
    calibration. A service that is known for a day or longer keeps its own.
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
    """Deletes the learned state of a service; topic `feedback`, key `service`."""

    service: Name
    author: Name
    time: UnixSeconds
    reason: Text | None = None


class Promotion(Struct, tag_field="schema", tag="promotion/1", kw_only=True, omit_defaults=True, gc=False):
    """Makes one track the active track; topic `feedback`, in every partition, key `PROMOTION_KEY`."""

    track: Name
    author: Name
    time: UnixSeconds
    reason: Text | None = None


class WhitelistRevoke(
    Struct, tag_field="schema", tag="whitelist-revoke/1", kw_only=True, omit_defaults=True, gc=False
):
    """Removes a condition that labels put on the whitelist of a service; topic `feedback`, key `service`.

    `number` is the condition's, as `fleetleak whitelist list` shows it.
    """

    service: Name
    number: HowMany
    author: Name
    time: UnixSeconds
    reason: Text | None = None


# It is not UTF-8, so no service has this name.
PROMOTION_KEY = b"\xffpromotion"

Control = Label | ModelImport | ModelPrior | ModelDelete | Promotion | WhitelistRevoke
_READERS: tuple[Decoder[Control], ...] = tuple(Decoder(kind) for kind in get_args(Control))


def read(value: bytes | None) -> Control | None:
    """Return a control record; None if it is of a type that this version does not know.

    Raises
    ------
    Unreadable
        If it is of a known type and cannot be decoded.
    """
    for reader in _READERS:
        try:
            return reader.decode(value)
        except Unreadable as error:
            if error.reason != "wrong-record":
                raise
    return None
