"""Where results go: JSON lines here; scores as Parquet in a file of its own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

Write = Callable[[list[bytes]], None]


class Found(NamedTuple):
    """Some of what came out, as it stands on the topics; of what is unreadable, why."""

    scores: list[bytes]
    alerts: list[bytes]
    unreadable: list[str]


class _Placed(msgspec.Struct):
    time: float
    key: str


_placed = msgspec.json.Decoder(_Placed).decode


def in_order(alerts: list[bytes]) -> list[bytes]:
    """Sort transitions by time, and those of one moment by key; those of one alert keep their order."""

    def place(alert: bytes) -> tuple[float, str]:
        found = _placed(alert)
        return found.time, found.key

    return sorted(alerts, key=place)


@contextlib.contextmanager
def to_file(name: str | None) -> Iterator[Write]:
    """Give what takes JSON records, for a file, `-` for stdout, or nothing.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        if name is None:
            yield lambda values: None
            return
        out = sys.stdout.buffer if name == "-" else stack.enter_context(open(name, "wb"))
        yield lambda values: out.writelines(value + b"\n" for value in values)
