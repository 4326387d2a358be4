"""Units of memory and time in headers, values and options."""

from __future__ import annotations

import re
from typing import NamedTuple

from fleetleak_app.reading.notes import BadRecording


class Unit(NamedTuple):
    """The usual name of a unit, and its factor: bytes per unit, or units per second."""

    name: str
    factor: float


PERCENT = Unit("%", 1.0)
_PREFIXES = "KMGTP"
_BINARY = {
    spelt.lower(): Unit(f"{prefix}iB", 1024.0**power)
    for power, prefix in enumerate(_PREFIXES, 1)
    for spelt in (prefix, f"{prefix}i", f"{prefix}iB")
}
_DECIMAL = {
    f"{prefix}b".lower(): Unit("kB" if prefix == "K" else f"{prefix}B", 1000.0**power)
    for power, prefix in enumerate(_PREFIXES, 1)
}
BYTES = {
    **{spelt: Unit("B", 1.0) for spelt in ("b", "byte", "bytes")},
    **_BINARY,
    **_DECIMAL,
    **dict.fromkeys(("%", "percent", "pct"), PERCENT),
}
"""Units of memory by spelling, in small letters; K, M and G alone are powers of 1024."""

TIME = {
    **{spelt: Unit("seconds", 1.0) for spelt in ("s", "sec", "secs", "seconds")},
    **{spelt: Unit("milliseconds", 1e3) for spelt in ("ms", "msec", "millis", "milliseconds")},
    **{spelt: Unit("microseconds", 1e6) for spelt in ("us", "µs", "usec", "microseconds")},
    **{spelt: Unit("nanoseconds", 1e9) for spelt in ("ns", "nanos", "nanoseconds")},
}
"""Units of time by spelling, in small letters; the factor is units per second."""

CHOICES = ("B", "KiB", "MiB", "GiB", "kB", "MB", "GB")
"""The values of `--unit`."""

_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE]\+?\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)
_MOST_BYTES = 2**60


def parse_size(text: str) -> int:
    """Return an amount of memory, in bytes.

    Examples
    --------
    >>> parse_size("4GiB"), parse_size("500 MB"), parse_size("1024")
    (4294967296, 500000000, 1024)

    Raises
    ------
    BadRecording
        If the text is no amount, or not above 0.
    """
    match = _SIZE.fullmatch(text)
    unit = BYTES.get((match[2] or "B").lower()) if match else None
    if not match or unit is None or not 1 <= (size := float(match[1]) * unit.factor) <= _MOST_BYTES:
        raise BadRecording(f"{text!r} is no amount of memory: give bytes, or a size such as 4GiB")
    return round(size)
