"""What the answers of all targets share: how one is refused, its signature, and the author of its label."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, TypeVar

import msgspec

from fleetleak.records.types import MOST_NAME

_T = TypeVar("_T")


class Refused(Exception):
    """An answer that is not taken: an HTTP status, and words for whoever set the target up."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def signature(secret: str, signed: bytes) -> str:
    """Return the HMAC-SHA256 of some bytes, in hexadecimal digits."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def same(given: str, expected: str) -> bool:
    """Return whether two signatures are the same, in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def decoded(body: bytes | str, to: type[_T]) -> _T:
    """Return JSON as a struct.

    Raises
    ------
    Refused
        If it is not such a struct.
    """
    try:
        return msgspec.json.decode(body, type=to)
    except msgspec.DecodeError as error:
        raise Refused(400, f"malformed: {error}") from None


def checked(value: Any, to: type[_T]) -> _T:
    """Return a record after a check that others can read it.

    Raises
    ------
    Refused
        If a field is too long, too short, or out of its range.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(value), to)
    except msgspec.ValidationError as error:
        raise Refused(400, f"malformed: {error}") from None


def author(target: str, *names: str | None) -> str:
    """Return the author of a label: the kind of target, and the first name that is known there."""
    known = next(filter(None, names), "unknown")
    return f"{target}:{known}"[:MOST_NAME]
