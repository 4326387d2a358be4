"""Units of memory and time, as they stand in headers, values and options."""

from __future__ import annotations

import re
from typing import NamedTuple

from fleetleak_app.reading.findings import BadRecording


class Unit(NamedTuple):
    """A unit's usual name and how many bytes, or parts of a second, it is."""

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
"""Units of memory, by their spelling in small letters; K, M, G alone are 1024 and its powers."""

TIME = {
    **{spelt: Unit("seconds", 1.0) for spelt in ("s", "sec", "secs", "seconds")},
    **{spelt: Unit("milliseconds", 1e3) for spelt in ("ms", "msec", "millis", "milliseconds")},
    **{spelt: Unit("microseconds", 1e6) for spelt in ("us", "µs", "usec", "microseconds")},
    **{spelt: Unit("nanoseconds", 1e9) for spelt in ("ns", "nanos", "nanoseconds")},
}
"""Units of time, by their spelling in small letters; the factor is how many make a second."""

CHOICES = ("B", "KiB", "MiB", "GiB", "kB", "MB", "GB")
"""What `--unit` takes."""

_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE]\+?\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)
_MOST_BYTES = 2**60


def parse_size(text: str) -> int:
    """Read an amount of memory.

    Examples
    --------
    >>> parse_size("4GiB"), parse_size("500 MB"), parse_size("1024")
    (4294967296, 500000000, 1024)

    Raises
    ------
    BadRecording
        If it is none, or not above 0.
    """
    found = _SIZE.fullmatch(text)
    unit = BYTES.get((found[2] or "B").lower()) if found else None
    if not found or unit is None or not 1 <= (size := float(found[1]) * unit.factor) <= _MOST_BYTES:
        raise BadRecording(f"{text!r} is no amount of memory: give bytes, or a size such as 4GiB")
    return round(size)
