"""The parts of a Score that are the same at every tick of an instance, encoded once."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from fleetleak.records import Score
from processors.decode.row import NAMES
from processors.decode.sizes import LIMIT_NAMES, OWN

Names = tuple[Any, ...]
"""The texts of a snapshot in the order of `row.NAMES`, and its labels as pairs if it has any."""
_SCHEMA = str(Score.__struct_config__.tag)


class Prefix(NamedTuple):
    """Encoded pieces of a Score.

    Parameters
    ----------
    head
        From the schema to before the time.
    middle
        What says where it is, from the scope to the labels.
    limit_name
        The name of the instance's own limit.
    """

    head: bytes
    middle: bytes
    limit_name: bytes


def prefix(names: Names) -> Prefix:
    """Return the encoded pieces that an identity has in all of its scores."""
    known = dict(zip(NAMES, names, strict=False))
    head = {"schema": _SCHEMA, "service": known["service"], "instance": known["instance"]}
    middle: dict[str, Any] = {"scope": known["scope"]}
    middle |= {name: known[name] for name in ("host", "environment", "version") if known[name] is not None}
    if labels := dict(names[len(NAMES) :]):
        middle["labels"] = labels
    # Each is a copy: the bytes that orjson itself returns keep a buffer of 4 KB.
    return Prefix(
        orjson.dumps(head)[:-1] + b',"time":',
        b"," + orjson.dumps(middle)[1:-1],
        orjson.dumps(known["limit_name"] or LIMIT_NAMES[OWN])[:-1] + b'"',
    )
