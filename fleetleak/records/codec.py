"""Bytes to records and back: orjson writes, msgspec reads and checks (docs/adr/0003)."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec
import orjson

R = TypeVar("R", bound=msgspec.Struct)

_MAJOR = re.compile("[1-9][0-9]{0,17}")
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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
        If a number is not finite.
    """
    data = orjson.dumps(msgspec.to_builtins(record))
    # orjson writes what is not finite as null; nothing else is, since absent fields are left out.
    if b"null" in data and _holds_null(orjson.loads(data)):
        raise ValueError(f"a number of this {type(record).__name__} is not finite: {data!r}")
    return data


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_null, value.values() if isinstance(value, dict) else value))
    return value is None


class Decoder(Generic[R]):
    """Reads records of one type.

    Fields that this version does not know are ignored; a newer major version is refused, because what
    its fields mean is unknown.

    Examples
    --------
    >>> from fleetleak.records import Label
    >>> Decoder(Label).decode(b'{"schema":"label/2"}')
    Traceback (most recent call last):
    fleetleak.records.codec.Unreadable: schema label/2 is newer than label/1: upgrade this role
    """

    def __init__(self, record_type: type[R]) -> None:
        self._decode = msgspec.json.Decoder(record_type).decode
        self._schema = str(record_type.__struct_config__.tag)

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
            raise self._explain(data, error) from None
        except _NOT_JSON as error:
            raise Unreadable("malformed", f"not JSON: {error}") from None
        # msgspec takes a record without its tag; looking for the name is cheap, and enough of a check.
        if b'"schema"' not in data:
            raise Unreadable("invalid", f"schema is missing: it is {self._schema}")
        return record

    def _explain(self, data: bytes, error: Exception) -> Unreadable:
        try:
            schema = msgspec.json.decode(data, type=_Versioned).schema
        except _NOT_JSON:
            return Unreadable("invalid", str(error))
        if schema == self._schema:
            return Unreadable("invalid", str(error))
        name, _, major = schema.rpartition("/")
        known_name, _, known_major = self._schema.rpartition("/")
        if name == known_name and _MAJOR.fullmatch(major) and int(major) > int(known_major):
            return Unreadable(
                "newer-schema", f"schema {schema} is newer than {self._schema}: upgrade this role"
            )
        return Unreadable("wrong-record", f"schema {schema!r} is not {self._schema}")


def to_dict(record: msgspec.Struct) -> dict[str, Any]:
    """Give a record as plain values, as JSON would hold them."""
    builtins: dict[str, Any] = msgspec.to_builtins(record)
    return builtins
