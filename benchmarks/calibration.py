"""How often calibrated probabilities occur on natural, leak-free series.

`python -m benchmarks.calibration --cases DIRECTORY [--json]`, with `cases.json` and `cases.parquet` (needs
pyarrow) or `cases.csv`. Raw scores are the size of the one-step error of SNARIMAX(3, 1, 2) and
`-log(1 - s)` of half-space trees, on the used share of the total; figures are observed / nominal rates
pooled over all natural clean series (1 is right), and the same of a Gaussian tail for comparison.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.cases import load_directory
from benchmarks.common import report
from processors.calibration import Calibration
from processors.models import SNARIMAX, HalfSpaceTrees

Floats = NDArray[np.float64]
NOMINAL = {"1e-2": 1e-2, "1e-3": 1e-3}
SETTLING = 30  # records before SNARIMAX's errors mean anything
WINDOW = 250


def raw_scores(x: Floats) -> dict[str, Floats]:
    """Give the raw scores of one series, from where its models are warm."""
    rows = np.zeros(len(x), dtype=np.intp)
    error = np.abs(SNARIMAX(1, p=3, d=1, q=2).score_learn(rows, x[:, None]) - x)
    odd = HalfSpaceTrees(1, window_size=WINDOW, seed=1).score_learn(rows, x[:, None])
    return {"snarimax": error[SETTLING:], "half_space_trees": -np.log1p(-odd[WINDOW:])}


def calibrated(raw: Floats) -> Floats:
    """Give the probabilities that were known."""
    p = Calibration(1).score_learn(np.zeros(len(raw), dtype=np.intp), raw[:, None])
    return p[~np.isnan(p)]


def gaussian(raw: Floats) -> Floats:
    """Give what a normal distribution with the running mean and deviation claims."""
    n = np.arange(1, len(raw) + 1)
    mean = np.cumsum(raw) / n
    deviation = np.sqrt(np.maximum(np.cumsum(raw * raw) / n - mean * mean, 1e-18))
    z = (raw[1:] - mean[:-1]) / deviation[:-1]
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z[60:].tolist()])


def measure(directory: Path) -> dict[str, float]:
    """Pool the natural clean series of a directory."""
    natural = [
        case for case in load_directory(directory) if case.group == "clean" and case.tag.startswith("nat:")
    ]
    pooled: dict[str, list[Floats]] = {}
    for case in natural:
        for method, raw in raw_scores(case.fraction[np.isfinite(case.fraction)]).items():
            pooled.setdefault(method, []).append(calibrated(raw))
            pooled.setdefault(f"{method}_gaussian", []).append(gaussian(raw))
    figures: dict[str, float] = {"series": len(natural)}
    for method, parts in pooled.items():
        p = np.concatenate(parts)
        figures[f"{method}_records"] = len(p)
        for name, nominal in NOMINAL.items():
            figures[f"{method}_at_{name}"] = float((p <= nominal).mean() / nominal)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True, metavar="DIRECTORY")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    report(measure(arguments.cases), arguments.json)


if __name__ == "__main__":
    main()
