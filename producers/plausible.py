"""Which measured values cannot be: they are left out, since a wrong number misleads for hours."""

from __future__ import annotations

import sys
from typing import Any

from fleetleak.records.types import MOST_BYTES, MOST_COUNT, MOST_UNIX_SECONDS

# All other numbers are bytes, and times that may be less.
_MOST: dict[str, float] = {
    "faults_minor": MOST_COUNT,
    "faults_major": MOST_COUNT,
    "oom_kills": MOST_COUNT,
    "cpu_seconds": sys.float_info.max,
}
_PARTS_OF_TOTAL = ("available", "free")


def drop_impossible(values: dict[str, Any], *, host: bool) -> list[str]:
    """Set fields of a Snapshot that cannot be to None, and give their names.

    Impossible is what no record may hold (so differences of values that contradict each other, which are
    negative), a part of the host's memory larger than all of it, memory of no bytes, and what counts against
    a limit that is not there.

    Parameters
    ----------
    values
        Numbers by field.
    host
        Whether they are the host's: what is available to others is the host's and may exceed their total.
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
