"""The product's own alerts on cases, through its own roles; strictly online."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from fleetleak.records import Snapshot, encode
from fleetleak.settings import Settings
from fleetleak.stream import Record
from fleetleak_app.evaluation import synthetic
from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.reading import unit_scale
from fleetleak_app.replay.drive import drive
from processors.scoring import Scoring
from sinks.alerting.role import Alerting

NAME = "fleetleak"


def of_cases(cases: Sequence[Case]) -> list[Snapshot]:
    """Give the snapshots of cases that know used and total only, in order of time."""
    found = [
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
    return sorted(found, key=lambda s: s.timestamp)


def of_scenarios() -> list[Snapshot]:
    """Give the snapshots of every synthetic scenario, with all they know, in order of time."""
    found = [s for scenario in synthetic.SCENARIOS.values() for s in synthetic.snapshots(scenario)]
    return sorted(found, key=lambda s: s.timestamp)


def alerts(
    snapshots: Sequence[Snapshot],
    progress: Callable[[float], None] = lambda _: None,
    settings: Settings | None = None,
) -> list[Alert]:
    """Give the alert lines, by default of the default settings."""
    settings = settings or Settings()
    roles = Scoring(settings, "scores"), Alerting(settings.alerting, "alerts")
    outputs = drive(_records(snapshots), len(snapshots), *roles, progress)
    return list(_lines(value for found in outputs for value in (o.value for o in found.alerts)))


def _records(snapshots: Iterable[Snapshot]) -> Iterator[Record]:
    for offset, one in enumerate(snapshots):
        yield Record(0, offset, one.service.encode(), encode(one), one.timestamp)


def _lines(values: Iterable[bytes | None]) -> Iterator[Alert]:
    for value in values:
        line: Alert = json.loads(value or b"{}")
        yield line
