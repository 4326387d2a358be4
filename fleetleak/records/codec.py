"""Encodes and decodes records: orjson writes, msgspec reads and checks (docs/adr/0003)."""

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
_SHOWN_CHARACTERS = 200


class Unreadable(ValueError):
    """A record that this version cannot read; `reason` is a short word for headers and metrics.

    Parameters
    ----------
    reason
        One of `malformed`, `invalid`, `newer-schema`, `wrong-record`, `empty`; a reader adds others, such as
        `wrong-key` and `future` (docs/records.md).
    message
        What is wrong, in words.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Versioned(msgspec.Struct):
    schema: str


def encode(record: msgspec.Struct) -> bytes:
    """Return a record as one line of JSON; absent fields are left out.

    Raises
    ------
    ValueError
        If a number is not finite or has more than 64 bits, or a text is not valid UTF-8.
    """
    try:
        data = orjson.dumps(msgspec.to_builtins(record))
    except TypeError as error:
        raise ValueError(f"this {type(record).__name__} cannot be written: {error}") from None
    # orjson writes a number that is not finite as null. Nothing else is null: absent fields are left out.
    if b"null" in data and _holds_null(orjson.loads(data)):
        shown = data[:_SHOWN_CHARACTERS]
        raise ValueError(f"a number of this {type(record).__name__} is not finite: {shown!r}")
    return data


def encode_finite(record: msgspec.Struct) -> bytes:
    """Return the same as `encode`, in a third of its time: for records whose numbers are finite."""
    return _encode_finite(record)


_encode_finite = msgspec.json.Encoder().encode


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_null, value.values() if isinstance(value, dict) else value))
    return value is None


class Decoder(Generic[R]):
    """Decodes records of one type.

    Unknown fields are ignored. A newer major version is refused, because the meaning of its fields is
    unknown. A whole number may have a fraction of zero (`5.0`, `5e3`), as in JSON Schema.

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
        """Return the record in `data`.

        Raises
        ------
        Unreadable
            If `data` is not such a record.
        """
        if not data:
            raise Unreadable("empty", "the record has no value")
        try:
            record = self._decode(data)
        except msgspec.ValidationError as error:
            return self._look_again(data, error)
        except _NOT_JSON as error:
            raise Unreadable("malformed", f"not JSON: {error}") from None
        # msgspec accepts a record without its tag. Our own records begin with it; others are checked again.
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
        """Return the record, also with whole numbers like `5.0`; slow, so only as a second attempt."""
        record = msgspec.convert(json.loads(data, parse_float=_fraction, parse_int=_whole), self._type)
        # It must also be a record when we encode it: a number that is not finite is refused.
        return self._decode(encode(record))

    def _not_ours(self, schema: str) -> Unreadable:
        name, _, major = schema.rpartition("/")
        known_name, _, known_major = self._schema.rpartition("/")
        if name == known_name and _MAJOR.fullmatch(major) and int(major) > int(known_major):
            return Unreadable(
                "newer-schema", f"schema {schema} is newer than {self._schema}: upgrade this role"
            )
        return Unreadable("wrong-record", f"schema {schema[:_SHOWN_CHARACTERS]!r} is not {self._schema}")


def _schema(data: bytes) -> str | None:
    try:
        return msgspec.json.decode(data, type=_Versioned).schema
    except _NOT_JSON:
        return None


def _whole(written: str) -> float:
    """Return an integer; a float where it has more digits than any field allows (it may have thousands)."""
    return int(written) if len(written) <= _MOST_DIGITS else float(written)


def _fraction(written: str) -> float:
    number = float(written)
    return int(number) if number.is_integer() and abs(number) <= 2**63 else number


def to_dict(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as plain values, as JSON has them."""
    builtins: dict[str, Any] = msgspec.to_builtins(record)
    return builtins
