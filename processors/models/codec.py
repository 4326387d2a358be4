"""Stored state without pickle: sealed model states, and packs of them (docs/models.md has the format)."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache

FORMAT = 1
_SEAL = struct.Struct("<2sBI8s")
_PACK = struct.Struct("<2sBIB")
_PART = struct.Struct("<BI")
_CHECKED_FROM = 7  # both headers begin: magic (2), format (1), crc32 (4) of all that follows


class CorruptState(ValueError):
    """Bytes that are not a whole state: cut, altered, or of a format this version cannot read."""


class FingerprintMismatch(CorruptState):
    """A whole state of other parameters or another model version: the model starts cold."""


@lru_cache(maxsize=1024)
def _digest(fingerprint: str) -> bytes:
    return hashlib.blake2b(fingerprint.encode(), digest_size=8).digest()


def _check(data: bytes, magic: bytes, header: struct.Struct) -> None:
    if len(data) < header.size:
        raise CorruptState(f"{len(data)} bytes are too few for a state")
    if data[:2] != magic:
        raise CorruptState("not a state: it begins with other bytes")
    if data[2] != FORMAT:
        raise CorruptState(f"format {data[2]} is not {FORMAT}, the one this version reads")
    if zlib.crc32(data[_CHECKED_FROM:]) != int.from_bytes(data[3:7], "little"):
        raise CorruptState("the checksum does not fit: cut or altered")


def seal(payload: bytes, fingerprint: str) -> bytes:
    """Put the payload of one model under a checksum and the model's fingerprint.

    Examples
    --------
    >>> unseal(seal(b"state", "model a=1"), "model a=1")
    b'state'
    >>> unseal(seal(b"state", "model a=1"), "model a=2")
    Traceback (most recent call last):
    processors.models.codec.FingerprintMismatch: a state of other parameters than model a=2
    """
    digest = _digest(fingerprint)
    checksum = zlib.crc32(payload, zlib.crc32(digest))
    return _SEAL.pack(b"FM", FORMAT, checksum, digest) + payload


def unseal(data: bytes, fingerprint: str) -> bytes:
    """Give the payload back.

    Raises
    ------
    CorruptState
        If the bytes are not what `seal` wrote.
    FingerprintMismatch
        If they are, for another fingerprint.
    """
    _check(data, b"FM", _SEAL)
    if data[_CHECKED_FROM : _SEAL.size] != _digest(fingerprint):
        raise FingerprintMismatch(f"a state of other parameters than {fingerprint}")
    return data[_SEAL.size :]


def pack(parts: Mapping[str, bytes]) -> bytes:
    """Join named parts (sealed states of the models of one key) into one record.

    Raises
    ------
    ValueError
        If there are more than 255 parts, or a name is longer than 255 bytes.
    """
    if len(parts) > 255:
        raise ValueError(f"{len(parts)} parts do not fit a pack (255)")
    pieces = []
    for name, part in parts.items():
        encoded = name.encode()
        if len(encoded) > 255:
            raise ValueError(f"the name of a part is too long: {name[:40]}...")
        pieces.append(_PART.pack(len(encoded), len(part)) + encoded + part)
    body = bytes([len(parts)]) + b"".join(pieces)
    return _PACK.pack(b"FP", FORMAT, zlib.crc32(body), len(parts)) + body[1:]


def unpack(data: bytes) -> dict[str, bytes]:
    """Take a pack apart.

    Raises
    ------
    CorruptState
        If the bytes are not what `pack` wrote.
    """
    _check(data, b"FP", _PACK)
    parts: dict[str, bytes] = {}
    at = _PACK.size
    try:
        for _ in range(data[_CHECKED_FROM]):
            name_size, size = _PART.unpack_from(data, at)
            begin = at + _PART.size + name_size
            name = data[at + _PART.size : begin].decode()
            parts[name] = data[begin : begin + size]
            at = begin + size
    except (struct.error, UnicodeDecodeError) as error:
        raise CorruptState(f"a part cannot be read: {error}") from None
    if at != len(data) or len(parts) != data[_CHECKED_FROM]:
        raise CorruptState("the parts do not fill the record")
    return parts
