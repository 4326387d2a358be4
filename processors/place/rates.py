"""What changed since the snapshot before: rates of counters, and whether the run is a new one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Flags, Floats

# Start times depend on the boot time. It moves by a second or two when the host's clock is adjusted.
_SAME_START_SECONDS = 5.0
# Start times and the times of snapshots may come from the clocks of two hosts.
_CLOCKS_APART_SECONDS = 60.0


def is_new_run(time_before: Floats, started_before: Floats, started: Floats) -> Flags:
    """Return whether each snapshot belongs to another run of its instance than the snapshot before.

    A new run starts after the snapshot before. A start time also changes for other reasons: a clock was
    corrected, an agent read the boot time anew, or another process now stands for the same group.

    Parameters
    ----------
    time_before
        Time of the snapshot before, unix seconds.
    started_before, started
        Start times in the two snapshots, unix seconds; NaN where unknown.

    Examples
    --------
    >>> is_new_run(np.array([1000.0] * 3), np.array([400.0] * 3), np.array([1010.0, 412.0, np.nan])).tolist()
    [True, False, False]
    """
    later: Flags = started - started_before > _SAME_START_SECONDS
    return later & (started > time_before - _CLOCKS_APART_SECONDS)


def rate(before: NDArray[Any], now: NDArray[Any], seconds: Floats) -> Floats:
    """Return the growth of counters per second; NaN at the first value, and where a counter fell.

    Parameters
    ----------
    before, now
        Values that are never below 0; -1 or NaN where unknown.
    seconds
        Time between them, above 0.
    """
    with np.errstate(over="ignore"):  # a counter may jump by any number
        return np.where((before >= 0) & (now >= before), (now - before) / seconds, np.nan)
