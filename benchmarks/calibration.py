"""How often the calibrated probabilities of the product occur on natural series without leaks.

`python -m benchmarks.calibration --cases DIRECTORY [--json]`, with `cases.json` and `cases.parquet` (needs
pyarrow) or `cases.csv`. It drives the scoring role. The figures are the observed over the nominal rate of
each method's `p`, pooled over all natural clean series (1 is right). For comparison, the same is measured
for a Gaussian tail of the raw scores.
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
SETTLING = 60  # first records of a method, for which its probabilities are unknown


def scores(snapshots: Sequence[Snapshot]) -> Iterable[Score]:
    """Yield the scores of the product."""
    role, read = Scoring(Settings(), "scores"), Decoder(Score).decode
    for begin in range(0, len(snapshots), BATCH_RECORDS):
        batch = [
            Record(0, begin + at, one.service.encode(), encode(one), one.timestamp)
            for at, one in enumerate(snapshots[begin : begin + BATCH_RECORDS])
        ]
        for output in role.apply(batch).outputs:
            yield read(output.value)


def gaussian(raw: Floats) -> Floats:
    """Return tail probabilities of raw scores, by a normal distribution with running mean and deviation."""
    n = np.arange(1, len(raw) + 1)
    mean = np.cumsum(raw) / n
    deviation = np.sqrt(np.maximum(np.cumsum(raw * raw) / n - mean * mean, 1e-18))
    z = (raw[1:] - mean[:-1]) / deviation[:-1]
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z[SETTLING:].tolist()])


def natural(directory: Path) -> list[Case]:
    """Return the natural clean series of a directory."""
    return [
        case for case in load_directory(directory) if case.group == "clean" and case.tag.startswith("nat:")
    ]


def measure(cases: Sequence[Case]) -> dict[str, float]:
    """Return the pooled figures of each method on these series."""
    known: dict[str, list[float]] = defaultdict(list)
    raw: dict[tuple[str, str], list[float]] = defaultdict(list)
    for score in scores(of_cases(cases)):
        for name, method in score.methods.items():
            if method.p is not None:
                known[name].append(method.p)
                raw[name, score.service].append(method.raw)
    for (name, _), values in raw.items():
        known[f"{name}_gaussian"] += gaussian(np.array(values)).tolist()
    figures: dict[str, float] = {"series": len(cases)}
    for name, probabilities in sorted(known.items()):
        p = np.array(probabilities)
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
