"""What each part of the verdict contributes.

`python -m fleetleak_app.evaluation.ablations [--cases DIR] [--json]` prints it.

The product is judged once as it is, and once without each part. Without `--cases` it runs on the synthetic
scenarios that come with fleetleak.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fleetleak.records import Snapshot
from fleetleak.settings import Settings
from fleetleak_app.evaluation import product, table
from fleetleak_app.evaluation.asked import asked
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.evaluation.scorer import Report, score
from processors.evidence import confidence
from processors.evidence.confidence import WAYS, Criterion, Seen

TITLES = ["without", "F1", "recall", "precision", "natural / 100 days", "hard / 100 days", "life left", "p10"]


@contextlib.contextmanager
def replaced(place: Any, name: str, value: object) -> Iterator[None]:
    """Set a name in a module to another value until the block ends."""
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)


def _without_way(way: str) -> dict[str, tuple[Criterion, ...]]:
    return {name: criteria for name, criteria in WAYS.items() if name != way}


def _without_sign(sign: str) -> dict[str, tuple[Criterion, ...]]:
    return {way: tuple(c for c in criteria if c.name != sign) for way, criteria in WAYS.items()}


def _with_nothing_normal() -> dict[str, tuple[Criterion, ...]]:
    def forgetful(criterion: Criterion) -> Criterion:
        def distance(seen: Seen) -> Any:
            return criterion.distance(replace(seen, normal=np.zeros_like(seen.normal)))

        return Criterion(criterion.name, distance)

    return {way: tuple(map(forgetful, criteria)) for way, criteria in WAYS.items()}


SIGNS = ("taken", "heading", "climbing", "no step", "load", "no fall", "season", "steady")


def ablations() -> Iterator[tuple[str, contextlib.AbstractContextManager[None], Settings]]:
    """Yield each ablation: its name, the block it runs in, and its settings."""
    yield "nothing: all parts", contextlib.nullcontext(), Settings()
    yield "normal rise", replaced(confidence, "WAYS", _with_nothing_normal()), Settings()
    yield "caution while young", replaced(confidence, "_YOUNG", 0.0), Settings()
    for way in WAYS:
        yield f"the {way} way", replaced(confidence, "WAYS", _without_way(way)), Settings()
    for sign in SIGNS:
        yield f"sign: {sign}", replaced(confidence, "WAYS", _without_sign(sign)), Settings()
    once = Settings()
    once.alerting.confirmations = 1
    yield "second confirmation", contextlib.nullcontext(), once


def run(
    cases: Sequence[Case], snapshots: Sequence[Snapshot], say: Callable[[str], None]
) -> dict[str, Report]:
    """Return the report of the product without each part, by the part's name; `say` gets each name first."""
    reports = {}
    for name, held, settings in ablations():
        say(name)
        with held:
            reports[name] = score(cases, product.alerts(snapshots, settings=settings), resamples=0)
    return reports


def line(name: str, report: Report) -> list[str]:
    """Return the cells of one line of the table."""
    groups = (report.by_group.get(group) for group in ("clean natural", "clean hard"))
    alarms = [table.number(g.false_alarms_per_100_days, 1) if g else "-" for g in groups]
    whole = report.overall
    figures = [table.number(x) for x in (whole.f1, whole.recall, whole.precision)]
    return [name, *figures, *alarms, table.number(whole.lead_all), table.number(whole.lead_p10)]


def main() -> None:
    """Measure and print."""
    given = asked(__doc__)
    reports = run(given.cases, given.snapshots, lambda name: print(name, file=sys.stderr, flush=True))
    if given.json:
        print(json.dumps(table.plain(reports)))
    else:
        print(table.markdown(TITLES, (line(name, report) for name, report in reports.items())))


if __name__ == "__main__":
    main()
