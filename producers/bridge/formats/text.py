"""What formats in JSON have in common. No error here holds a part of the record."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TypeVar

import msgspec

from fleetleak.records import Unreadable

T = TypeVar("T")


def decoded(decoder: msgspec.json.Decoder[T], value: bytes, what: str) -> T:
    """Return a record in JSON.

    Parameters
    ----------
    what
        What it should be, for the error.

    Raises
    ------
    Unreadable
        If it is no JSON, or not `what`.
    """
    try:
        return decoder.decode(value)
    except msgspec.ValidationError:
        raise Unreadable("invalid", f"JSON, but not {what}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("malformed", "not JSON") from None


def unix_seconds(text: str) -> float:
    """Return a time of RFC 3339 in unix seconds; 0 if it is none. One without a zone is in UTC.

    Examples
    --------
    >>> unix_seconds("2023-11-14T22:13:20.123456789Z"), unix_seconds("2023-11-14T23:13:20+01:00")
    (1700000000.123456, 1700000000.0)
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    if time.tzinfo is None:
        time = datetime.fromisoformat(f"{text}+00:00")
    return time.timestamp()


def number(text: object) -> float:
    """Return what a text or a number says; not a number where it is none.

    Examples
    --------
    >>> number("12"), number(3), number("+Inf"), number(None)
    (12.0, 3.0, inf, nan)
    """
    try:
        return float(text) if isinstance(text, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
