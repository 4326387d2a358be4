"""Writing results as JSON lines (`parquet` writes scores as Parquet)."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

Write = Callable[[list[bytes]], None]


class Results(NamedTuple):
    """Some results: scores and alerts as JSON, and the errors of unreadable records."""

    scores: list[bytes]
    alerts: list[bytes]
    unreadable: list[str]


class _Placed(msgspec.Struct):
    time: float
    key: str


_placed = msgspec.json.Decoder(_Placed).decode


def in_order(alerts: list[bytes]) -> list[bytes]:
    """Return transitions sorted by time, then by key; those of one alert keep their order."""

    def place(alert: bytes) -> tuple[float, str]:
        placed = _placed(alert)
        return placed.time, placed.key

    return sorted(alerts, key=place)


@contextlib.contextmanager
def to_file(name: str | None) -> Iterator[Write]:
    """Yield a function that writes JSON records to a file; `-` is stdout, and None writes nothing.

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
