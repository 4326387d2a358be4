"""Stored state without pickle: sealed by a checksum and a fingerprint (docs/models.md has the format)."""

from __future__ import annotations

import hashlib
import struct
import zlib
from functools import lru_cache

from processors.seals import Seal

FORMAT = 1
_SEAL = struct.Struct("<2sBI8s")
_CHECKED_FROM = 7  # after magic (2), format (1), crc32 (4) of all that follows


class CorruptState(ValueError):
    """The bytes are not a whole state: cut, altered, or of a format that this version cannot read."""


class FingerprintMismatch(CorruptState):
    """The state is whole, but of other parameters or another version of the model; the model starts cold."""


@lru_cache(maxsize=1024)
def _digest(fingerprint: str) -> bytes:
    return hashlib.blake2b(fingerprint.encode(), digest_size=8).digest()


def seal(payload: bytes, fingerprint: str) -> bytes:
    """Return a payload behind a checksum and the fingerprint of what it belongs to.

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
    """Return the payload of sealed bytes.

    Raises
    ------
    CorruptState
        If the bytes are not what `seal` wrote.
    FingerprintMismatch
        If they carry another fingerprint.
    """
    if len(data) < _SEAL.size:
        raise CorruptState(f"{len(data)} bytes are too few for a state")
    if data[:2] != b"FM":
        raise CorruptState("not a state: it begins with other bytes")
    if data[2] != FORMAT:
        raise CorruptState(f"format {data[2]} is not {FORMAT}, the one this version reads")
    if zlib.crc32(data[_CHECKED_FROM:]) != int.from_bytes(data[3:_CHECKED_FROM], "little"):
        raise CorruptState("the checksum does not fit: cut or altered")
    if data[_CHECKED_FROM : _SEAL.size] != _digest(fingerprint):
        raise FingerprintMismatch(f"a state of other parameters than {fingerprint}")
    return data[_SEAL.size :]


def payload_of(data: bytes) -> memoryview:
    """Return the payload of sealed bytes that were checked before."""
    return memoryview(data)[_SEAL.size :]


def seal_of(fingerprint: str) -> Seal:
    """Return the seal that `seal` puts in front of rows of one size."""
    digest = _digest(fingerprint)
    return Seal(b"FM" + FORMAT.to_bytes(1, "little"), digest, zlib.crc32(digest))
