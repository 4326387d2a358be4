"""Labelled memory series: what a detector is judged on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Row = tuple[str, float, float, float]


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak: it grows from `onset` to `end` (unix s); `exhaust`: at `end` it reached the limit.

    `kind` is one of the five shapes, or None where nobody can say; `rate` names how fast it is.
    """

    onset: float
    end: float
    kind: str | None
    rate: str
    exhaust: bool

    @property
    def life(self) -> float:
        """Seconds from onset to end."""
        return self.end - self.onset


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """One series and its labels.

    Parameters
    ----------
    series
        Its id, as alerts name it.
    times, used, total
        Samples in order of time: unix s, bytes, bytes; shape `(n,)`.
    group
        `real`, `injected`, `synthetic` or `clean`.
    tag
        Source or kind; clean series begin with `nat:` (natural) or `hard:` (made to look like leaks).
    leaks
        In order of onset; empty for clean series.
    ambiguous
        Stretches `[from, to)` that count as neither leak nor clean.
    t0, t1
        What is judged, unix s.
    """

    series: str
    times: Floats
    used: Floats
    total: Floats
    group: str
    tag: str
    leaks: tuple[Leak, ...]
    ambiguous: tuple[tuple[float, float], ...]
    t0: float
    t1: float

    @property
    def fraction(self) -> Floats:
        """Used memory as a fraction of the total, shape `(n,)`."""
        return self.used / self.total

    @property
    def step(self) -> float:
        """Median seconds between samples: the interval the series is known to be scraped at."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0


def load(labels: Path, samples: Path) -> list[Case]:
    """Read cases in the order of their labels.

    Parameters
    ----------
    labels
        JSON: by series id `group`, `tag`, `leaks`, `ambiguous`, `t0` and `t1`.
    samples
        Parquet (needs pyarrow) or, by its suffix, CSV; columns `series`, `timestamp`, `used`, `total`.

    Raises
    ------
    ValueError
        If a labelled series has no samples.
    """
    described: dict[str, dict[str, Any]] = json.loads(labels.read_text())
    columns = _from_csv(samples) if samples.suffix == ".csv" else _from_parquet(samples)
    missing = sorted(described.keys() - columns.keys())
    if missing:
        raise ValueError(f"{samples.name} has no samples of {', '.join(missing[:3])}")
    return [_case(series, columns[series], label) for series, label in described.items()]


def load_directory(directory: Path) -> list[Case]:
    """Read `cases.json` with `cases.parquet`, or `cases.csv` where there is no Parquet file."""
    parquet = directory / "cases.parquet"
    return load(directory / "cases.json", parquet if parquet.exists() else parquet.with_suffix(".csv"))


def _case(series: str, samples: Floats, label: dict[str, Any]) -> Case:
    ordered = samples[:, np.argsort(samples[0], kind="stable")]
    return Case(
        series=series,
        times=ordered[0],
        used=ordered[1],
        total=ordered[2],
        group=label["group"],
        tag=label["tag"],
        leaks=tuple(Leak(**leak) for leak in label["leaks"]),
        ambiguous=tuple((begin, end) for begin, end in label["ambiguous"]),
        t0=label["t0"],
        t1=label["t1"],
    )


def _from_csv(path: Path) -> dict[str, Floats]:
    with path.open(newline="") as file:
        return _by_series(_rows(csv.DictReader(file)))


def _rows(lines: Iterable[dict[str, str]]) -> Iterator[Row]:
    for line in lines:
        yield line["series"], float(line["timestamp"]), float(line["used"]), float(line["total"])


def _by_series(rows: Iterable[Row]) -> dict[str, Floats]:
    collected: dict[str, list[tuple[float, ...]]] = {}
    for series, *values in rows:
        collected.setdefault(series, []).append(tuple(values))
    return {series: np.array(values).T for series, values in collected.items()}


def _from_parquet(path: Path) -> dict[str, Floats]:
    from pyarrow import parquet  # only here: everything else runs without it

    table = parquet.read_table(path)
    names = np.asarray(table.column("series").to_numpy(zero_copy_only=False), dtype=str)
    values = np.stack([np.asarray(table.column(c), dtype=float) for c in ("timestamp", "used", "total")])
    order = np.argsort(names, kind="stable")
    found, starts = np.unique(names[order], return_index=True)
    parts = np.split(values[:, order], starts[1:], axis=1)
    return dict(zip(found.tolist(), parts, strict=True))
