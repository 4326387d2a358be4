"""Numbers as text for people: with the digits that are known, in the unit that fits."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
UNITS = ((2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
# A rate per hour says too much if the growth was watched for a minute only.
_PER = ((30 * MINUTE, MINUTE, "min"), (3 * DAY, HOUR, "h"))


def digits(value: float) -> str:
    """Return a number with two significant digits or more, without trailing zeros.

    Examples
    --------
    >>> [digits(x) for x in (0.123, 1.96, 4.0, 35.82, 1401.43)]
    ['0.12', '2', '4', '36', '1,401']
    """
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}".removesuffix(".0")


def duration(seconds: float) -> str:
    """Return a length of time, given in seconds, as text.

    Examples
    --------
    >>> [duration(s) for s in (42, 600, 9000, 345600, 400000)]
    ['42 s', '10 min', '2.5 h', '4 days', '4.6 days']
    """
    if seconds < 1.5 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{digits(seconds / HOUR)} h" if seconds < 2 * DAY else f"{digits(seconds / DAY)} days"


def size(count: float) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> [size(b) for b in (512 * 2**20, 4 * 2**30, 1.5 * 2**30, 700, -5 * 2**20)]
    ['512 MiB', '4 GiB', '1.5 GiB', '700 B', '-5 MiB']
    """
    for unit, name in UNITS:
        if abs(count) >= unit:
            return f"{digits(count / unit)} {name}"
    return f"{count:.0f} B"


def rate(bytes_per_second: float, seen_seconds: float) -> str:
    """Return a growth as text, per a time that is not long compared with the time it was seen.

    Examples
    --------
    >>> [rate(87381.0, seen) for seen in (600.0, 86400.0, 604800.0)]
    ['5 MiB/min', '300 MiB/h', '7 GiB/day']
    """
    per, name = next(((per, name) for most, per, name in _PER if seen_seconds < most), (DAY, "day"))
    return f"{size(bytes_per_second * per)}/{name}"


def moment(unix_seconds: float, beside: float | None = None) -> str:
    """Return a time in UTC as text; beside another time of the same day, the time of day only.

    Examples
    --------
    >>> moment(1790013260.0), moment(1790013260.0, beside=1790000000.0)
    ('21 Sep 17:54 UTC', '17:54')
    """
    at = datetime.fromtimestamp(unix_seconds, UTC)
    if beside is not None and datetime.fromtimestamp(beside, UTC).date() == at.date():
        return f"{at:%H:%M}"
    return f"{at.day} {at:%b %H:%M} UTC"
