"""Removes impossible values from a measurement: a wrong number would mislead for hours."""

from __future__ import annotations

import sys
from typing import Any

from fleetleak.records.types import MOST_BYTES, MOST_COUNT, MOST_UNIX_SECONDS

# Every other number has the bound of bytes; `started` has a lower one of its own.
_MOST: dict[str, float] = {
    "faults_minor": MOST_COUNT,
    "faults_major": MOST_COUNT,
    "oom_kills": MOST_COUNT,
    "cpu_seconds": sys.float_info.max,
}
_PARTS_OF_TOTAL = ("available", "free")


def drop_impossible(values: dict[str, Any], *, host: bool) -> list[str]:
    """Set impossible fields of a Snapshot to None, and return their names.

    These are impossible: a value that no record may hold (such as a negative difference of two values that
    contradict each other), a part of the host's memory that is larger than the whole, a `total` or `limit`
    of 0, and `limit_used` without a limit.

    Parameters
    ----------
    values
        Numbers by field; changed in place.
    host
        Whether they are the host's. In other scopes `available` is the host's too, and may exceed `total`.
    """
    odd = [name for name, value in values.items() if value is not None and not 0 <= value <= MOST_BYTES]
    wrong = [name for name in odd if not 0 <= values[name] <= _MOST.get(name, MOST_BYTES)]
    if (values["started"] or 0) > MOST_UNIX_SECONDS:
        wrong.append("started")
    total = values["total"]
    if host and total is not None:
        wrong += [name for name in _PARTS_OF_TOTAL if (values.get(name) or 0) > total]
    wrong = sorted({*wrong, *(name for name in ("total", "limit") if values[name] == 0)})
    for name in wrong:
        values[name] = None
    if values["limit"] is None and values["limit_used"] is not None:
        values["limit_used"] = None
        wrong.append("limit_used")
    return wrong
