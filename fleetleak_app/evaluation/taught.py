"""What a set of labels changes: the alerts on labelled cases before and after every alert is labelled.

`python -m fleetleak_app.evaluation.taught [--cases DIR] [--json]` prints it.

An hour after an alert fires, its service gets the label that the truth of the case gives: `leak`, or
`not-a-leak`. What comes later on the same series is judged as ever. So it shows what people gain who label
each alert once, and whether labels cost detection.
"""

from __future__ import annotations

import heapq
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from fleetleak.records import Label, encode
from fleetleak.records.label import Verdict
from fleetleak.settings import Settings
from fleetleak.stream import Record
from fleetleak_app.evaluation import product, table
from fleetleak_app.evaluation.alerts import Alert, by_case
from fleetleak_app.evaluation.asked import asked
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.evaluation.scorer import score
from fleetleak_app.replay.drive import BATCH_RECORDS
from fleetleak_app.replay.records import records_of
from processors.scoring import Scoring
from sinks.alerting.leak.role import alerting

_AFTER_SECONDS = 3600.0


@dataclass(frozen=True)
class Volume:
    """The alerts on all cases: how many began, their transitions, and how good they were.

    The transitions that only answer a label are not counted.
    """

    labels: int
    alerts: int
    transitions: int
    false_alarms_per_100_days: float
    recall: float
    f1: float


def scores(snapshots: Sequence[Record]) -> list[Record]:
    """Return the scores of snapshots, as input records of the alerting role."""
    role, outputs = Scoring(Settings(), "scores"), []
    for begin in range(0, len(snapshots), BATCH_RECORDS):
        outputs += role.apply(snapshots[begin : begin + BATCH_RECORDS]).outputs
        done = min(1.0, (begin + BATCH_RECORDS) / len(snapshots))
        print(f"\r{done:.0%}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    times = [record.appended for record in snapshots]
    return [Record(0, n, o.key, o.value, times[n]) for n, o in enumerate(outputs)]


def verdict(case: Case, time: float) -> Verdict | None:
    """Return what the truth of a case says of an alert that fired then; None where nobody knows."""
    if any(leak.onset <= time <= leak.end for leak in case.leaks):
        return "leak"
    return None if any(begin <= time < end for begin, end in case.ambiguous) else "not-a-leak"


def told(scored: Sequence[Record], cases: Mapping[str, Case], labelled: bool) -> tuple[list[Alert], int, int]:
    """Return the transitions of the alerting role, the number of labels, and of the answers to labels."""
    role, lines, given, answers = alerting(Settings()), list[Alert](), 0, 0
    waiting: list[tuple[float, int, Label]] = []
    for record in scored:
        while waiting and waiting[0][0] <= record.appended:
            label = heapq.heappop(waiting)[2]
            outputs = role.control(Record(0, 0, label.service.encode(), encode(label), 0.0))[1].outputs
            lines += product.lines(output.value for output in outputs)
            given, answers = given + 1, answers + len(outputs)
        for line in product.lines(output.value for output in role.apply([record]).outputs):
            lines.append(line)
            if labelled and line["state"] == "firing" and (due := label_for(line, cases)) is not None:
                heapq.heappush(waiting, (due.time, len(lines), due))
    return lines, given, answers


def label_for(line: Alert, cases: Mapping[str, Case]) -> Label | None:
    """Return the label that the truth gives to an alert that fires; None where nobody knows."""
    names = [name for name, found in by_case([line], cases).items() if found]
    said = verdict(cases[names[0]], line["time"]) if names else None
    if said is None:
        return None
    at = line["time"] + _AFTER_SECONDS
    return Label(service=line["service"], verdict=said, author="truth", time=at)


def volume(cases: Sequence[Case], lines: Sequence[Alert], labels: int, answers: int) -> Volume:
    """Return the volume and the quality of alerts."""
    overall = score(cases, lines, resamples=0).overall
    began = sum(line["state"] == "firing" for line in lines)
    return Volume(
        labels, began, len(lines) - answers, overall.false_alarms_per_100_days, overall.recall, overall.f1
    )


def run(cases: Sequence[Case], snapshots: Sequence[Record]) -> dict[str, Volume]:
    """Return the volume without and with labels."""
    scored, known = scores(snapshots), {case.series: case for case in cases}
    return {
        name: volume(cases, *told(scored, known, labelled))
        for name, labelled in (("no labels", False), ("every alert labelled", True))
    }


def rows(volumes: Mapping[str, Volume]) -> Iterator[list[str]]:
    """Yield the lines of the table."""
    for name, one in volumes.items():
        counts = [str(one.labels), str(one.alerts), str(one.transitions)]
        figures = [
            table.number(one.false_alarms_per_100_days, 1),
            table.number(one.recall),
            table.number(one.f1),
        ]
        yield [name, *counts, *figures]


def main() -> None:
    """Measure and print."""
    given = asked(__doc__)
    volumes = run(given.cases, list(records_of(given.snapshots)))
    if given.json:
        print(json.dumps({name: asdict(one) for name, one in volumes.items()}))
    else:
        titles = ["", "labels", "alerts", "transitions", "false alarms / 100 days", "recall", "F1"]
        print(table.markdown(titles, rows(volumes)))


if __name__ == "__main__":
    main()
