"""Which instances of a service are there: one rule for all who count them."""

from __future__ import annotations

_LEAST_SECONDS = 300.0
_GAPS = 3.0


def alive(seen: float, gap: float, now: float) -> bool:
    """Say whether an instance that was last heard of at `seen` is taken to be there at `now`.

    Parameters
    ----------
    seen, now
        Unix seconds, by the records of its service.
    gap
        Seconds between its records; a series sampled seldom is given as many more.

    Examples
    --------
    >>> alive(seen=0.0, gap=30.0, now=299.0), alive(seen=0.0, gap=30.0, now=301.0)
    (True, False)
    >>> alive(seen=0.0, gap=21600.0, now=50000.0)
    True
    """
    return now - seen <= max(_LEAST_SECONDS, _GAPS * gap)
