"""The arguments that the measurements of this package have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fleetleak.records import Snapshot
from fleetleak_app.evaluation import product, synthetic
from fleetleak_app.evaluation.cases import Case, load_directory


class Asked(NamedTuple):
    """What to measure on, and whether to print JSON."""

    cases: Sequence[Case]
    snapshots: Sequence[Snapshot]
    json: bool


def asked(description: str | None) -> Asked:
    """Return what the command line asks for: labelled cases of a directory, or the synthetic scenarios."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, help="directory with cases.json and cases.parquet or cases.csv")
    parser.add_argument("--json", action="store_true", help="print one line of JSON with every figure")
    given = parser.parse_args()
    cases = load_directory(given.cases) if given.cases else synthetic.all_cases()
    return Asked(cases, product.of_cases(cases) if given.cases else product.of_scenarios(), given.json)
