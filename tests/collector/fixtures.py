"""What a real Collector put on its topic: `recorded/`, written by `python -m tests.collector.record`.

A file holds the messages of three collections in the order of the topic. Each is its key and its value, and
each of these is a length of four bytes, big-endian, and that many bytes. A key that is null has the length
0xFFFFFFFF and no bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"
_LENGTH = struct.Struct(">I")
_NULL = 0xFFFFFFFF

Message = tuple[bytes | None, bytes]
"""The key and the value of a message."""


def messages(name: str) -> list[Message]:
    """Return the messages of a recording, for example `host_metrics-proto`."""
    data = (RECORDED / f"{name}.otlp").read_bytes()
    found: list[Message] = []
    at = 0
    while at < len(data):
        key, at = _field(data, at)
        value, at = _field(data, at)
        assert value is not None, "no message is without a value"
        found.append((key, value))
    return found


def write(path: Path, recorded: Iterable[Message]) -> None:
    """Write messages to a file."""
    path.write_bytes(b"".join(_packed(field) for message in recorded for field in message))


def _packed(field: bytes | None) -> bytes:
    return _LENGTH.pack(_NULL) if field is None else _LENGTH.pack(len(field)) + field


def _field(data: bytes, at: int) -> tuple[bytes | None, int]:
    (length,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    return (None, at) if length == _NULL else (data[at : at + length], at + length)
