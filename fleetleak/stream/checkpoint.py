"""The form of checkpoints and cuts on their compacted topic.

A key's state is written in parts of bounded size, all in one transaction. Record keys are `s`, the part's
number (two bytes), and the key's name. The reserved record key `r` holds the partition's cut.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from fleetleak.stream.errors import BadCheckpoint

CUT = b"r"
PART_BYTES = 512 * 1024
MOST_STATE_BYTES = 256 * 2**20
# Forms of a stored state. The producer compresses whole batches of records: smaller than each state alone.
ZLIB, RAW = 0, 1
_MAGIC = b"FLC"
# Which records a version can read: the first one knew no other form than ZLIB.
_READ_BY_ALL, _WITH_FORM = b"1", b"2"
_CRC = struct.Struct(">I")
_PART = struct.Struct(">H")
_NAME_AT = 1 + _PART.size

T = TypeVar("T")


class Checkpoint(msgspec.Struct, array_like=True):
    """State of one key at one cut of its input.

    Parameters
    ----------
    offset
        The newest input offset it includes.
    topic_id
        The input topic's id: a topic recreated under the same name counts offsets anew.
    fingerprint
        Of the role that wrote it.
    controls
        The newest control records it includes, as (control offset, input offset they took effect after).
    parts
        Over how many records the state is spread.
    state
        The role's bytes, in the form.
    form
        RAW. ZLIB, compressed, where an earlier version wrote it.
    """

    offset: int
    topic_id: str
    fingerprint: str
    controls: list[tuple[int, int]]
    parts: int
    state: bytes
    form: int = ZLIB


_encode = msgspec.msgpack.Encoder().encode
_decode_checkpoint = msgspec.msgpack.Decoder(Checkpoint).decode


def seal(payload: bytes, version: bytes = _READ_BY_ALL) -> bytes:
    """Return a payload with magic and checksum in front."""
    return b"".join((_MAGIC, version, _CRC.pack(zlib.crc32(payload)), payload))


def unseal(value: bytes) -> bytes:
    """Check magic and checksum; return the payload.

    Raises
    ------
    BadCheckpoint
        If they are wrong.
    """
    if value[:3] != _MAGIC:
        raise BadCheckpoint("foreign", "not a checkpoint")
    if value[3:4] not in (_READ_BY_ALL, _WITH_FORM):
        raise _newer(f"checkpoint form {value[3:4]!r}")
    payload = value[8:]
    if value[4:8] != _CRC.pack(zlib.crc32(payload)):
        raise BadCheckpoint("corrupt", "the checksum is wrong")
    return payload


def _newer(what: str) -> BadCheckpoint:
    return BadCheckpoint("newer-version", f"{what} is not known: upgrade this role")


def _read(value: bytes, decode: Callable[[bytes], T]) -> T:
    payload = unseal(value)
    try:
        return decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadCheckpoint("corrupt", str(error)) from None


def record_key(name: bytes, part: int) -> bytes:
    """Return the record key of one part of a key's state."""
    return b"s" + _PART.pack(part) + name


def split_key(key: bytes | None) -> tuple[bytes, int]:
    """Return the name and part number of a record key.

    Raises
    ------
    BadCheckpoint
        If somebody else wrote a record with this key.
    """
    if key is None or key[:1] != b"s" or len(key) < _NAME_AT:
        raise BadCheckpoint("foreign", f"{key!r} is not the key of a checkpoint")
    return key[_NAME_AT:], _PART.unpack(key[1:_NAME_AT])[0]


def tombstones(name: bytes, first: int, parts_before: int) -> Iterator[tuple[bytes, None]]:
    """Return the records that delete a key's parts from number `first` on."""
    for number in range(first, parts_before):
        yield record_key(name, number), None


def to_records(
    name: bytes, checkpoint: Checkpoint, parts_before: int
) -> Iterator[tuple[bytes, bytes | None]]:
    """Return the records that store a checkpoint, and tombstones for parts it no longer has.

    Parameters
    ----------
    parts_before
        Number of parts of the checkpoint that this one replaces.
    """
    state = checkpoint.state
    version = _READ_BY_ALL if checkpoint.form == ZLIB else _WITH_FORM
    pieces = [state[i : i + PART_BYTES] for i in range(0, len(state), PART_BYTES)] or [b""]
    for number, piece in enumerate(pieces):
        part = msgspec.structs.replace(checkpoint, parts=len(pieces), state=piece)
        yield record_key(name, number), seal(_encode(part), version)
    yield from tombstones(name, len(pieces), parts_before)


def from_records(parts: dict[int, bytes]) -> Checkpoint:
    """Join a checkpoint from the values of its parts.

    Parts beyond its own number are left over from an older checkpoint that was refused. They are ignored.

    Raises
    ------
    BadCheckpoint
        If a part is missing, corrupt, or of another cut.
    """
    if 0 not in parts:
        raise BadCheckpoint("incomplete", "the first part is missing")
    first = _read(parts[0], _decode_checkpoint)
    # The number first: it may be any, and a range of it is not to be built.
    if not 1 <= first.parts <= len(parts) or any(number not in parts for number in range(first.parts)):
        raise BadCheckpoint("incomplete", f"not all of its {first.parts} parts are there")
    rest = [_read(parts[number], _decode_checkpoint) for number in range(1, first.parts)]
    if any(_origin(part) != _origin(first) for part in rest):
        raise BadCheckpoint("incomplete", "its parts were written at different times")
    return msgspec.structs.replace(first, state=b"".join(part.state for part in [first, *rest]))


def form_of(state: bytes | None) -> tuple[bytes, int]:
    """Return how a role's state is stored, as bytes and form; None is that of a key that was deleted.

    A deleted key gets no tombstone: a replay must know from which record on it is gone.
    """
    return (b"", ZLIB) if state is None else (state, RAW)


def state_of(checkpoint: Checkpoint) -> bytes | None:
    """Return the role's state; None if the key was deleted.

    Raises
    ------
    BadCheckpoint
        If the state is in a form that this version does not know, cannot be expanded, or is larger than a
        state may be.
    """
    if checkpoint.form == ZLIB:
        return expand(checkpoint.state) if checkpoint.state else None
    if checkpoint.form != RAW:
        raise _newer(f"state form {checkpoint.form}")
    if len(checkpoint.state) > MOST_STATE_BYTES:
        raise BadCheckpoint("corrupt", "the state is larger than a state may be")
    return checkpoint.state


def expand(state: bytes) -> bytes:
    """Return the state that an earlier version compressed.

    Raises
    ------
    BadCheckpoint
        If the bytes are not compressed by zlib, or expand to more than a state may have.
    """
    reader = zlib.decompressobj()
    try:
        expanded = reader.decompress(state, MOST_STATE_BYTES)
    except zlib.error as error:
        raise BadCheckpoint("corrupt", str(error)) from None
    if not reader.eof or reader.unused_data:
        raise BadCheckpoint("corrupt", "the state is incomplete, or larger than a state may be")
    return expanded


def _origin(part: Checkpoint) -> tuple[int, str, str, int, int]:
    return part.offset, part.topic_id, part.fingerprint, part.parts, part.form


class Cut(msgspec.Struct, array_like=True):
    """Written with every transaction of a partition: what a restore needs to know of its input.

    Parameters
    ----------
    replay_from
        The smallest input offset that some key's checkpoint does not include.
    position
        The input offset committed with it.
    topic_id
        The input topic's id.
    side
        The committed offset of the first side topic; below 0 if there is none.
    partitions
        How many partitions the input topic had; 0 if that was not written.
    clock
        The newest append time before `position`, unix seconds.
    more_side
        The committed offsets of the other side topics, in the role's order.
    """

    replay_from: int
    position: int
    topic_id: str
    side: int = -1
    partitions: int = 0
    clock: float = 0.0
    more_side: list[int] = []

    def to_value(self) -> bytes:
        """Return the record's value."""
        return seal(_encode(self))

    @staticmethod
    def from_value(value: bytes) -> Cut:
        """Read the record's value.

        Raises
        ------
        BadCheckpoint
            If it cannot be read.
        """
        return _read(value, _decode_cut)


_decode_cut = msgspec.msgpack.Decoder(Cut).decode
