"""The results of the rivals: `python -m fleetleak_app.evaluation.rivals_table [--cases DIR] [--json]`.

Without `--cases` they are judged on the synthetic scenarios that come with fleetleak.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from fleetleak_app.evaluation import synthetic, table
from fleetleak_app.evaluation.alerts import Alert
from fleetleak_app.evaluation.cases import Case, load_directory
from fleetleak_app.evaluation.rivals import RIVALS, Rival
from fleetleak_app.evaluation.scorer import Report, score


def run(cases: Sequence[Case], rivals: Sequence[Rival] = RIVALS) -> dict[str, list[Alert]]:
    """Return each rival's alerts by its name; print progress on stderr."""
    alerts: dict[str, list[Alert]] = {rival.NAME: [] for rival in rivals}
    for done, case in enumerate(cases, 1):
        for rival in rivals:
            alerts[rival.NAME] += rival.alerts(case)
        print(f"\r{done}/{len(cases)} series", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return alerts


def judge(cases: Sequence[Case], alerts: dict[str, list[Alert]], resamples: int = 300) -> dict[str, Report]:
    """Return the report on each detector's alerts, by its name."""
    return {name: score(cases, lines, resamples=resamples) for name, lines in alerts.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, help="directory with cases.json and cases.parquet or cases.csv")
    parser.add_argument("--json", action="store_true", help="print one line of JSON with every figure")
    parser.add_argument("--alerts", type=Path, help="also write each rival's alerts into this directory")
    arguments = parser.parse_args()
    cases = load_directory(arguments.cases) if arguments.cases else synthetic.all_cases()
    alerts = run(cases)
    if arguments.alerts:
        write(arguments.alerts, alerts)
    results = judge(cases, alerts)
    print(json.dumps(table.plain(results)) if arguments.json else table.render(results))


def write(directory: Path, alerts: dict[str, list[Alert]]) -> None:
    """Write one file of JSON lines for each rival."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, lines in alerts.items():
        file = "".join(letter if letter.isalnum() else "-" for letter in name)
        (directory / f"{file}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
