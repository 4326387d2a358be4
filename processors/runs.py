"""Whether a new run of an instance has begun, by its start times."""

from __future__ import annotations

# Start times depend on the boot time. It moves by a second or two when the host's clock is adjusted.
_SAME_START_SECONDS = 5.0
# Start times and the times of snapshots may come from the clocks of two hosts.
_CLOCKS_APART_SECONDS = 60.0


def is_new_run(time_before: float, started_before: float | None, started: float | None) -> bool:
    """Return whether a snapshot belongs to another run of its instance than the snapshot before.

    A new run starts after the snapshot before. A start time also changes for other reasons: a clock was
    corrected, an agent read the boot time anew, or another process now stands for the same group.

    Parameters
    ----------
    time_before
        Time of the snapshot before, unix seconds.
    started_before, started
        Start times in the two snapshots, unix seconds; None where unknown.

    Examples
    --------
    >>> is_new_run(1000.0, 400.0, 1010.0)
    True
    >>> is_new_run(1000.0, 400.0, 412.0)
    False
    """
    if started is None or started_before is None or started - started_before <= _SAME_START_SECONDS:
        return False
    return started > time_before - _CLOCKS_APART_SECONDS
