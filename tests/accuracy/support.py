"""Cases made by hand."""

from __future__ import annotations

import numpy as np

from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, Floats, Leak

DAY = 86400.0
HOUR = 3600.0


def case(
    used: Floats,
    *,
    step: float = 60.0,
    leaks: tuple[Leak, ...] = (),
    ambiguous: tuple[tuple[float, float], ...] = (),
    series: str = "s",
    tag: str = "plain",
) -> Case:
    """A series from time 0 on; `used` is a fraction of a total of 1."""
    times = np.arange(len(used), dtype=np.float64) * step
    group = "synthetic" if leaks else "clean"
    total = np.ones(len(used))
    return Case(series, times, used, total, group, tag, leaks, ambiguous, 0.0, float(times[-1]))


def days(count: float, **labels: object) -> Case:
    """A flat hourly series of some days, for tests that only look at labels."""
    return case(np.full(int(count * 24) + 1, 0.5), step=HOUR, **labels)  # type: ignore[arg-type]


def alert(time: float, state: str = "firing", **more: object) -> Alert:
    made = Alert(series="s", time=time, state=state)
    made.update(more)  # type: ignore[typeddict-item]
    return made


def leak(onset: float, end: float, **more: object) -> Leak:
    described = {"kind": "linear", "rate": "12h", "exhaust": True} | more
    return Leak(onset, end, **described)  # type: ignore[arg-type]
