"""Times and durations on the command line; a wrong one is wrong usage."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime

from fleetleak.records.types import MOST_UNIX_SECONDS

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])", re.ASCII)
_DURATIONS = "a number with s, m, h, d or w, such as 36h, 3d or 2w"


def duration(text: str) -> float:
    """Return a duration, such as `36h` or `2w`, in seconds.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is no duration, or not above 0.

    Examples
    --------
    >>> duration("36h"), duration("0.5d")
    (129600.0, 43200.0)
    """
    seconds = _duration(text)
    if seconds is None or not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration above 0; write {_DURATIONS}")
    return seconds


def moment(text: str) -> float:
    """Return an ISO date or date-time as unix seconds; without a zone it is UTC.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.

    Examples
    --------
    >>> moment("2026-09-21"), moment("2026-09-21T02:00+02:00")
    (1789948800.0, 1789948800.0)
    """
    if (seconds := _moment(text)) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write {_MOMENTS}")
    return seconds


_MOMENTS = "a date or time such as 2026-09-21 or 2026-09-21T14:30Z"


def until(text: str) -> float:
    """Return a time, or a duration from now, as unix seconds.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither, or not in the future.
    """
    now, ahead = time.time(), _duration(text)
    end = _moment(text) if ahead is None else now + ahead
    if end is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write {_MOMENTS}, or {_DURATIONS}")
    if not now < end <= MOST_UNIX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not in the future, or too far in it")
    return end


def _duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text.strip())
    return float(match[1]) * _SECONDS[match[2]] if match else None


def _moment(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
