"""How often the product's calibrated probabilities occur on natural, leak-free series.

`python -m benchmarks.calibration --cases DIRECTORY [--json]`, with `cases.json` and `cases.parquet` (needs
pyarrow) or `cases.csv`. The scoring role itself is driven; figures are observed / nominal rates of each
method's `p`, pooled over all natural clean series (1 is right), and the same of a Gaussian tail of its raw
scores for comparison.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import report
from fleetleak.records import Decoder, Score, Snapshot, encode
from fleetleak.settings import Settings
from fleetleak.stream import Record
from fleetleak_app.evaluation.cases import Case, load_directory
from fleetleak_app.evaluation.product import of_cases
from processors.scoring import Scoring

Floats = NDArray[np.float64]
NOMINAL = {"1e-2": 1e-2, "1e-3": 1e-3}
BATCH_RECORDS = 5000
SETTLING = 60  # records that a method's probabilities are unknown for


def scores(snapshots: Sequence[Snapshot]) -> Iterable[Score]:
    """Give the product's scores."""
    role, read = Scoring(Settings(), "scores"), Decoder(Score).decode
    for begin in range(0, len(snapshots), BATCH_RECORDS):
        batch = [
            Record(0, begin + at, one.service.encode(), encode(one), one.timestamp)
            for at, one in enumerate(snapshots[begin : begin + BATCH_RECORDS])
        ]
        for output in role.apply(batch).outputs:
            yield read(output.value)


def gaussian(raw: Floats) -> Floats:
    """Give what a normal distribution with the running mean and deviation claims."""
    n = np.arange(1, len(raw) + 1)
    mean = np.cumsum(raw) / n
    deviation = np.sqrt(np.maximum(np.cumsum(raw * raw) / n - mean * mean, 1e-18))
    z = (raw[1:] - mean[:-1]) / deviation[:-1]
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z[SETTLING:].tolist()])


def natural(directory: Path) -> list[Case]:
    """Give the natural clean series of a directory."""
    return [
        case for case in load_directory(directory) if case.group == "clean" and case.tag.startswith("nat:")
    ]


def measure(cases: Sequence[Case]) -> dict[str, float]:
    """Pool what each method said of these series."""
    known: dict[str, list[float]] = defaultdict(list)
    raw: dict[tuple[str, str], list[float]] = defaultdict(list)
    for score in scores(of_cases(cases)):
        for name, said in score.methods.items():
            if said.p is not None:
                known[name].append(said.p)
                raw[name, score.service].append(said.raw)
    for (name, _), values in raw.items():
        known[f"{name}_gaussian"] += gaussian(np.array(values)).tolist()
    figures: dict[str, float] = {"series": len(cases)}
    for name, said_p in sorted(known.items()):
        p = np.array(said_p)
        figures[f"{name}_records"] = len(p)
        for label, nominal in NOMINAL.items():
            figures[f"{name}_at_{label}"] = float((p <= nominal).mean() / nominal)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True, metavar="DIRECTORY")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    report(measure(natural(arguments.cases)), arguments.json)


if __name__ == "__main__":
    main()
