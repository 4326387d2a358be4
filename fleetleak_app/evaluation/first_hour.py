"""When each shape of growth is alerted in the first two hours of a small service with a limit of 512 MiB.

`python -m fleetleak_app.evaluation.first_hour` prints the table of docs/expect.md.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fleetleak.records import Snapshot
from fleetleak_app.evaluation import product

MIB = 2**20
LIMIT = 512 * MIB
BASE = 12.0  # MiB at the start
NOISE = 40 * 1024  # bytes
HOURS = 1.6
START = 1.79e9

SHAPES: dict[str, Callable[[float], float]] = {
    "5 MB/min after 5 quiet minutes": lambda m: 5.0 * max(0.0, m - 5.0),
    "5 MB/min from its start": lambda m: 5.0 * m,
    "2.5 MB/min after 15 quiet minutes": lambda m: 2.5 * max(0.0, m - 15.0),
    "10 MB every 2 min from its start": lambda m: 10.0 * (m // 2),
    "a cache: 120 MB in 12 min, then flat": lambda m: 10.0 * min(m, 12.0),
    "a cache: 240 MB in 40 min, then flat": lambda m: 6.0 * min(m, 40.0),
    "a step of 80 MB": lambda m: 80.0 * (m > 20.0),
    "a sawtooth of 40 MB": lambda m: (40.0 * m) % 40.0,
}
"""By name: memory above the base in MiB, as a function of the minutes since the start."""


class Told(NamedTuple):
    """Minutes from the start to the alert and to certainty `sure`; share of the limit in use at the alert."""

    fired: float | None
    sure: float | None
    share: float | None


def snapshots(interval_seconds: float) -> list[Snapshot]:
    """Return the snapshots of every shape until its limit is reached, in order of time."""
    every = [one for name, shape in SHAPES.items() for one in _of(name, shape, interval_seconds)]
    return sorted(every, key=lambda one: one.timestamp)


def _of(name: str, shape: Callable[[float], float], interval_seconds: float) -> Iterator[Snapshot]:
    noise = random.Random(name)
    for tick in range(int(HOURS * 3600.0 / interval_seconds)):
        seconds = tick * interval_seconds
        used = round((BASE + shape(seconds / 60.0)) * MIB) + noise.randint(0, NOISE)
        if used < LIMIT:
            yield Snapshot(
                service=name, instance="only", timestamp=START + seconds, started=START, used=used, anon=used,
                total=24 * 2**30, limit=LIMIT, limit_name="rlimit_data", limit_used=used,
            )  # fmt: skip


def told(interval_seconds: float) -> dict[str, Told]:
    """Return when each shape is alerted with default settings, by the shape's name."""
    alerts = [dict(alert) for alert in product.alerts(snapshots(interval_seconds))]
    return {name: _first([a for a in alerts if a["service"] == name]) for name in SHAPES}


def _first(alerts: list[dict[str, Any]]) -> Told:
    if not alerts:
        return Told(None, None, None)
    minutes = [(a["time"] - START) / 60.0 for a in alerts]
    sure = [at for at, alert in zip(minutes, alerts, strict=True) if alert.get("certainty") == "sure"]
    return Told(minutes[0], sure[0] if sure else None, alerts[0]["used"] / LIMIT)


def main() -> None:
    """Print the table."""
    every = {interval: told(interval) for interval in (1.0, 30.0)}
    print("| | alerted at 1 s | at 30 s | `sure` at 30 s | of the limit in use then |\n|---|---|---|---|---|")
    for name in SHAPES:
        fine, usual = every[1.0][name], every[30.0][name]
        share = "-" if usual.share is None else f"{usual.share:.0%}"
        cells = [name, _minutes(fine.fired), _minutes(usual.fired), _minutes(usual.sure), share]
        print(f"| {' | '.join(cells)} |")


def _minutes(at: float | None) -> str:
    return "-" if at is None else f"{at:.0f} min"


if __name__ == "__main__":
    main()
