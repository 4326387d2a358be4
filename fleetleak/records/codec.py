"""Bytes to records and back: orjson writes, msgspec reads and checks (docs/adr/0003)."""

from __future__ import annotations

import json
import re
from typing import Any, Generic, TypeVar

import msgspec
import orjson

R = TypeVar("R", bound=msgspec.Struct)

_MAJOR = re.compile("[1-9][0-9]{0,17}")
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOST_DIGITS = len(str(2**63))
_SHOWN_SIGNS = 200


class Unreadable(ValueError):
    """A record that this version cannot read; `reason` is a short word for headers and metrics.

    Parameters
    ----------
    reason
        One of `malformed`, `invalid`, `newer-schema`, `wrong-record`, `empty`; a reader adds its own, such as
        `wrong-key` and `future` (docs/records.md).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Versioned(msgspec.Struct):
    schema: str


def encode(record: msgspec.Struct) -> bytes:
    """Write a record as one line of JSON; absent fields are left out.

    Raises
    ------
    ValueError
        If a number is not finite or has more than 64 bits, or a text cannot be written as UTF-8.
    """
    try:
        data = orjson.dumps(msgspec.to_builtins(record))
    except TypeError as error:
        raise ValueError(f"this {type(record).__name__} cannot be written: {error}") from None
    # orjson writes what is not finite as null; nothing else is, since absent fields are left out.
    if b"null" in data and _holds_null(orjson.loads(data)):
        shown = data[:_SHOWN_SIGNS]
        raise ValueError(f"a number of this {type(record).__name__} is not finite: {shown!r}")
    return data


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_null, value.values() if isinstance(value, dict) else value))
    return value is None


class Decoder(Generic[R]):
    """Reads records of one type.

    Fields that this version does not know are ignored; a newer major version is refused, because what
    its fields mean is unknown. A whole number may have a fraction of zero (`5.0`, `5e3`), as JSON Schema
    has it.

    Examples
    --------
    >>> from fleetleak.records import Label
    >>> Decoder(Label).decode(b'{"schema":"label/2"}')
    Traceback (most recent call last):
    fleetleak.records.codec.Unreadable: schema label/2 is newer than label/1: upgrade this role
    """

    def __init__(self, record_type: type[R]) -> None:
        self._type = record_type
        self._decode = msgspec.json.Decoder(record_type).decode
        self._schema = str(record_type.__struct_config__.tag)
        self._begins = b'{"schema":"%s"' % self._schema.encode()

    def decode(self, data: bytes | None) -> R:
        """Read one record.

        Raises
        ------
        Unreadable
            With the reason and what is wrong, if `data` is not such a record.
        """
        if not data:
            raise Unreadable("empty", "the record has no value")
        try:
            record = self._decode(data)
        except msgspec.ValidationError as error:
            return self._look_again(data, error)
        except _NOT_JSON as error:
            raise Unreadable("malformed", f"not JSON: {error}") from None
        # msgspec takes a record without its tag. Ours begin with it; the others cost a second look.
        if not data.startswith(self._begins) and _schema(data) is None:
            raise Unreadable("invalid", f"schema is missing: it is {self._schema}")
        return record

    def _look_again(self, data: bytes, error: msgspec.ValidationError) -> R:
        schema = _schema(data)
        if schema not in (None, self._schema):
            raise self._not_ours(str(schema))
        if schema is None:
            raise Unreadable("invalid", str(error))
        try:
            return self._read_loosely(data)
        except (msgspec.ValidationError, ValueError, RecursionError) as finer:
            raise Unreadable("invalid", str(finer)) from None

    def _read_loosely(self, data: bytes) -> R:
        """Read whole numbers with a fraction of zero too; slow, so a second attempt only."""
        record = msgspec.convert(json.loads(data, parse_float=_fraction, parse_int=_whole), self._type)
        # Written as we write it, it must be a record too: what is not finite has no place in one.
        return self._decode(encode(record))

    def _not_ours(self, schema: str) -> Unreadable:
        name, _, major = schema.rpartition("/")
        known_name, _, known_major = self._schema.rpartition("/")
        if name == known_name and _MAJOR.fullmatch(major) and int(major) > int(known_major):
            return Unreadable(
                "newer-schema", f"schema {schema} is newer than {self._schema}: upgrade this role"
            )
        return Unreadable("wrong-record", f"schema {schema[:_SHOWN_SIGNS]!r} is not {self._schema}")


def _schema(data: bytes) -> str | None:
    try:
        return msgspec.json.decode(data, type=_Versioned).schema
    except _NOT_JSON:
        return None


def _whole(written: str) -> float:
    """Give an integer; a float where it has more digits than any field may, and may have thousands."""
    return int(written) if len(written) <= _MOST_DIGITS else float(written)


def _fraction(written: str) -> float:
    number = float(written)
    return int(number) if number.is_integer() and abs(number) <= 2**63 else number


def to_dict(record: msgspec.Struct) -> dict[str, Any]:
    """Give a record as plain values, as JSON would hold them."""
    builtins: dict[str, Any] = msgspec.to_builtins(record)
    return builtins
