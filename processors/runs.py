"""Where one run of an instance ends and the next begins, by its start times."""

from __future__ import annotations

# Start times rest on the boot time, which moves by a second or two when the host's clock is adjusted.
_SAME_START_SECONDS = 5.0
# Start times may come from another host's clock than the snapshots' times.
_CLOCKS_APART_SECONDS = 60.0


def is_new_run(time_before: float, started_before: float | None, started: float | None) -> bool:
    """Say whether a snapshot is of another run of its instance than the snapshot before.

    A new run starts after the snapshot before. Any other change of a start time is a clock that was
    corrected, an agent that read the boot time anew, or another process that stands for the same group.

    Parameters
    ----------
    time_before
        Of the snapshot before, unix seconds.
    started_before, started
        What the two snapshots say of their start, unix seconds; None where not known.

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
