"""Which instances of a service are alive: one rule for every part that counts them."""

from __future__ import annotations

_LEAST_SECONDS = 300.0
_GAPS = 3.0


def alive(seen: float, gap: float, now: float) -> bool:
    """Return whether an instance with its newest record at `seen` counts as alive at `now`.

    Parameters
    ----------
    seen, now
        Event times of its service's records, in unix seconds.
    gap
        Seconds between its records; a series that is sampled rarely may be silent for longer.

    Examples
    --------
    >>> alive(seen=0.0, gap=30.0, now=299.0), alive(seen=0.0, gap=30.0, now=301.0)
    (True, False)
    >>> alive(seen=0.0, gap=21600.0, now=50000.0)
    True
    """
    return now - seen <= max(_LEAST_SECONDS, _GAPS * gap)
