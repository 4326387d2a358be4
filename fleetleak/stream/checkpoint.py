"""The form of a checkpoint on its compacted topic, and which keys are due for one.

A key's state goes out in parts of bounded size, all in one transaction. Record keys are `s`, the part's
number (two bytes), and the key's name; the reserved record key `r` holds the partition's cut.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

CUT = b"r"
PART_BYTES = 512 * 1024
# The state of a key that was deleted. Not a tombstone: a replay must know from which record on it is gone.
GONE = b""
MOST_STATE_BYTES = 256 * 2**20
_MAGIC = b"FLC1"
_CRC = struct.Struct(">I")
_PART = struct.Struct(">H")
_NAME_AT = 1 + _PART.size

T = TypeVar("T")


class BadCheckpoint(ValueError):
    """A stored checkpoint that is not used; `reason` is a short word for the metric."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


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
        The role's bytes, shrunk.
    """

    offset: int
    topic_id: str
    fingerprint: str
    controls: list[tuple[int, int]]
    parts: int
    state: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode_checkpoint = msgspec.msgpack.Decoder(Checkpoint).decode


def seal(payload: bytes) -> bytes:
    """Put magic and checksum before a payload."""
    return _MAGIC + _CRC.pack(zlib.crc32(payload)) + payload


def unseal(value: bytes) -> bytes:
    """Check magic and checksum; give the payload.

    Raises
    ------
    BadCheckpoint
        If they do not fit.
    """
    if value[:3] != _MAGIC[:3]:
        raise BadCheckpoint("foreign", "not a checkpoint")
    if value[:4] != _MAGIC:
        raise BadCheckpoint(
            "newer-version", f"checkpoint form {value[3:4]!r} is not known: upgrade this role"
        )
    payload = value[8:]
    if value[4:8] != _CRC.pack(zlib.crc32(payload)):
        raise BadCheckpoint("corrupt", "the checksum does not fit")
    return payload


def _read(value: bytes, decode: Callable[[bytes], T]) -> T:
    payload = unseal(value)
    try:
        return decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadCheckpoint("corrupt", str(error)) from None


def record_key(name: bytes, part: int) -> bytes:
    """Give the record key of one part of a key's state."""
    return b"s" + _PART.pack(part) + name


def split_key(key: bytes | None) -> tuple[bytes, int]:
    """Give name and part number of a record key.

    Raises
    ------
    BadCheckpoint
        If somebody else wrote a record with this key.
    """
    if key is None or key[:1] != b"s" or len(key) < _NAME_AT:
        raise BadCheckpoint("foreign", f"{key!r} is not the key of a checkpoint")
    return key[_NAME_AT:], _PART.unpack(key[1:_NAME_AT])[0]


def tombstones(name: bytes, first: int, parts_before: int) -> Iterator[tuple[bytes, None]]:
    """Give the records that remove a key's parts from `first` on."""
    for number in range(first, parts_before):
        yield record_key(name, number), None


def to_records(
    name: bytes, checkpoint: Checkpoint, parts_before: int
) -> Iterator[tuple[bytes, bytes | None]]:
    """Give the records that store a checkpoint: its parts, and tombstones for parts it no longer has.

    `checkpoint.parts` is set to how many there are.
    """
    state = checkpoint.state
    pieces = [state[i : i + PART_BYTES] for i in range(0, len(state), PART_BYTES)] or [b""]
    checkpoint.parts = len(pieces)
    for number, piece in enumerate(pieces):
        checkpoint.state = piece
        yield record_key(name, number), seal(_encode(checkpoint))
    checkpoint.state = state
    yield from tombstones(name, len(pieces), parts_before)


def from_records(parts: dict[int, bytes]) -> Checkpoint:
    """Put a checkpoint together from the values of its parts.

    Parts beyond its own number are left over from an older one that was refused: they are ignored.

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
    found = [first, *(_read(parts[number], _decode_checkpoint) for number in range(1, first.parts))]
    if any(_cut(part) != _cut(first) for part in found):
        raise BadCheckpoint("incomplete", "parts of different cuts")
    first.state = b"".join(part.state for part in found)
    return first


def shrink(state: bytes) -> bytes:
    """Compress a role's state: it stays in the topic far longer than the 80 us this takes."""
    return zlib.compress(state, 1)


def expand(state: bytes) -> bytes:
    """Give a role's state back.

    Raises
    ------
    BadCheckpoint
        If the bytes are not what `shrink` gave, or stand for more than any state may be.
    """
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(state, MOST_STATE_BYTES)
    except zlib.error as error:
        raise BadCheckpoint("corrupt", str(error)) from None
    if not reader.eof or reader.unused_data:
        raise BadCheckpoint("corrupt", "the state is cut, or larger than any may be")
    return found


def _cut(part: Checkpoint) -> tuple[int, str, str, int]:
    return part.offset, part.topic_id, part.fingerprint, part.parts


class DirtyKeys:
    """Keys of one partition changed since their checkpoint, oldest change first, and which of them are due.

    Checkpoints are spread evenly: after every commit a share of the dirty keys goes out, so that each key
    is written about once per interval and no commit carries them all. The oldest go first, because they
    hold `replay_from` back.
    """

    def __init__(self) -> None:
        self._first_offset: dict[bytes, int] = {}
        self._owed = 0.0

    def __len__(self) -> int:
        return len(self._first_offset)

    def touch(self, name: bytes, offset: int) -> None:
        """Note that a record changed a key."""
        self._first_offset.setdefault(name, offset)

    def clean(self, name: bytes) -> None:
        """Note that a key was checkpointed."""
        self._first_offset.pop(name, None)

    def due(self, share: float, most: int = sys.maxsize) -> list[bytes]:
        """Give the oldest keys, `share` of all of them over time and at most so many at once."""
        self._owed = min(self._owed + share * len(self._first_offset), float(len(self._first_offset)))
        count = min(int(self._owed), most)
        self._owed -= count
        keys = iter(self._first_offset)
        return [next(keys) for _ in range(count)]

    def all(self) -> list[bytes]:
        """Give every dirty key, oldest change first."""
        return list(self._first_offset)

    def replay_from(self, position: int) -> int:
        """Give the smallest offset no checkpoint includes, or `position` where all are included."""
        return next(iter(self._first_offset.values()), position)


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
    control_position
        The control offset committed with it; below 0 where there is none.
    partitions
        How many partitions the input topic had; 0 where that was not written.
    """

    replay_from: int
    position: int
    topic_id: str
    control_position: int = -1
    partitions: int = 0

    def to_value(self) -> bytes:
        """Write the record's value."""
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
