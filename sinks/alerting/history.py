"""The memory of one instance as it was, in at most 64 points: close together lately, far apart before.

A picture of an alert is drawn from it, so nobody has to read old scores again.
"""

from __future__ import annotations

import struct

from fleetleak.records.alert import History

MOST = 64
# A point is added when this share of the whole time has passed since the last one.
_SHARE = 1.0 / 256
_POINT = struct.Struct("<If")
_MOST_SECONDS = 2**32 - 1  # the year 2106


def added(points: bytes, time: float, memory: float) -> bytes:
    """Return the points with one more, if enough time has passed; of too many, one in a dense place goes.

    Parameters
    ----------
    points
        Eight bytes each: whole unix seconds, and bytes of memory as a 32-bit float.
    """
    if time > _MOST_SECONDS:
        return points
    if points:
        first, last = _POINT.unpack_from(points)[0], _POINT.unpack_from(points, len(points) - _POINT.size)[0]
        if time - last < max(1.0, _SHARE * (time - first)):
            return points
    points += _POINT.pack(int(time), memory)
    return points if len(points) <= MOST * _POINT.size else _thinned(points)


def _thinned(points: bytes) -> bytes:
    """Leave out the inner point whose neighbours are closest together, measured by its age."""
    times = [time for time, _ in _POINT.iter_unpack(points)]
    now = times[-1]
    densest = min(
        range(1, len(times) - 1), key=lambda n: (times[n + 1] - times[n - 1]) / (now - times[n] + 1)
    )
    return points[: densest * _POINT.size] + points[(densest + 1) * _POINT.size :]


def history(points: bytes, restarts: list[float], deploys: list[float]) -> History | None:
    """Return the points as a part of an alert, with the marks among them; None without points."""
    pairs = list(_POINT.iter_unpack(points))
    if not pairs:
        return None
    begin = pairs[0][0]
    return History(
        times=[float(time) for time, _ in pairs],
        memory=[int(memory) for _, memory in pairs],
        restarts=[time for time in restarts if time >= begin],
        deploys=[time for time in deploys if time >= begin],
    )
