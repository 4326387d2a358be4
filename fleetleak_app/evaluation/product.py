"""The alerts of fleetleak itself: snapshots pass through its scoring and its alerting role, in order."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from fleetleak.records import Snapshot
from fleetleak.settings import Settings
from fleetleak_app.evaluation import synthetic
from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.reading import unit_scale
from fleetleak_app.replay.drive import drive
from fleetleak_app.replay.records import records_of
from processors.scoring import Scoring
from sinks.alerting.leak.role import alerting

NAME = "fleetleak"


def of_cases(cases: Sequence[Case]) -> list[Snapshot]:
    """Return the snapshots of cases, in order of time; a case has `used` and `total` only."""
    snapshots = [
        Snapshot(
            service=case.series,
            instance=case.series,
            timestamp=time,
            used=round(used * scale),
            total=round(total * scale),
        )
        for case in cases
        for scale in [unit_scale(max(np.nanmax(case.total), np.nanmax(case.used)))]
        for time, used, total in zip(
            case.times.tolist(), case.used.tolist(), case.total.tolist(), strict=True
        )
        if math.isfinite(used)
    ]
    return sorted(snapshots, key=lambda s: s.timestamp)


def of_scenarios() -> list[Snapshot]:
    """Return the snapshots of every synthetic scenario, with all their fields, in order of time."""
    snapshots = [s for scenario in synthetic.SCENARIOS.values() for s in synthetic.snapshots(scenario)]
    return sorted(snapshots, key=lambda s: s.timestamp)


def alerts(
    snapshots: Sequence[Snapshot],
    progress: Callable[[float], None] = lambda _: None,
    settings: Settings | None = None,
) -> list[Alert]:
    """Return the alerts on snapshots that are in order of time; `settings` are by default the defaults."""
    settings = settings or Settings()
    roles = Scoring(settings, "scores"), alerting(settings)
    outputs = drive(records_of(snapshots), *roles, lambda done: progress(done / len(snapshots)))
    return list(lines(output.value for batch in outputs for output in batch.alerts))


def lines(values: Iterable[bytes | None]) -> Iterator[Alert]:
    """Yield published alerts as they are judged."""
    for value in values:
        line: Alert = json.loads(value or b"{}")
        yield line
