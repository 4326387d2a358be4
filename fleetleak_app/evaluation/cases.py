"""Labelled memory series: the input of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from fleetleak_app.reading import BadRecording, Notes, Options, read_samples

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak: it grows from `onset` to `end` (unix s); `exhaust`: it reached the limit at `end`.

    `kind` is one of the five shapes, or None where it is not known; `rate` is a name for how fast it grows.
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
        """The median time between samples, seconds."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0


class _Label(msgspec.Struct, kw_only=True):
    """The label of one series in `cases.json`."""

    group: str
    tag: str
    leaks: list[Leak] | None
    ambiguous: list[tuple[float, float]] | None = None
    t0: float
    t1: float


def load(labels: Path, samples: Path, notes: Notes | None = None) -> list[Case]:
    """Return the cases, in the order of their labels.

    Parameters
    ----------
    labels
        JSON: by series id `group`, `tag`, `leaks`, `ambiguous`, `t0` and `t1`.
    samples
        Any file that a replay reads; columns `series`, `timestamp`, `used`, `total`.
    notes
        Gets what was noticed in the samples, and what is left out.

    Raises
    ------
    ValueError
        If a label is not of this form, the samples cannot be read, or a labelled series has none.
    """
    described = _labels(labels)
    columns = _samples(samples, notes or Notes())
    missing = sorted(described.keys() - columns.keys())
    if missing:
        raise ValueError(f"{samples.name} has no samples of {', '.join(missing[:3])}")
    return [_case(series, columns[series], label) for series, label in described.items()]


def load_directory(directory: Path, notes: Notes | None = None) -> list[Case]:
    """Return the cases of `cases.json` and `cases.parquet`; of `cases.csv` if there is no Parquet file."""
    parquet = directory / "cases.parquet"
    samples = parquet if parquet.exists() else parquet.with_suffix(".csv")
    return load(directory / "cases.json", samples, notes)


def _labels(path: Path) -> dict[str, _Label]:
    try:
        described = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON object with a label for each series: {error}") from None
    return {series: _label(path.name, series, raw) for series, raw in described.items()}


def _label(name: str, series: str, raw: msgspec.Raw) -> _Label:
    try:
        label = msgspec.json.decode(raw, type=_Label)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name}: the label of {series} is wrong: {error}") from None
    spans = [(leak.onset, leak.end) for leak in label.leaks or ()]
    for begin, end in [(label.t0, label.t1), *spans, *(label.ambiguous or ())]:
        if begin > end:
            raise ValueError(f"{name}: the label of {series} has a span that ends at {end} before {begin}")
    return label


def _case(series: str, samples: Floats, label: _Label) -> Case:
    ordered = samples[:, np.argsort(samples[0], kind="stable")]
    return Case(
        series=series,
        times=ordered[0],
        used=ordered[1],
        total=ordered[2],
        group=label.group,
        tag=label.tag,
        leaks=tuple(label.leaks or ()),
        ambiguous=tuple(label.ambiguous or ()),
        t0=label.t0,
        t1=label.t1,
    )


def _samples(path: Path, notes: Notes) -> dict[str, Floats]:
    """Return times, used and total of each series, shape `(3, n)`; a row without a total is left out."""
    columns = read_samples([str(path)], Options(columns={"service": "series"}), notes)
    for name in ("used", "total"):
        if name not in columns:
            raise BadRecording(f"{path.name} has no column {name}")
    names = np.asarray(columns["service"], dtype=str)
    values = np.array([columns[name] for name in ("timestamp", "used", "total")], dtype=float)
    known = values[2] > 0
    if not known.all():
        at = int(np.argmin(known))
        place = f"{path.name}, {names[at]} at {values[0, at]:.0f}, column total"
        notes.leave("rows without total", int((~known).sum()), place)
    names, values = names[known], values[:, known]
    order = np.argsort(names, kind="stable")
    found, starts = np.unique(names[order], return_index=True)
    parts = np.split(values[:, order], starts[1:], axis=1)
    every = zip(found.tolist(), parts, strict=True)
    return {series: samples for series, samples in every if np.isfinite(samples[1]).any()}
