"""Recorded series from CSV and Parquet files, as snapshots in the order of time."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import fields

from fleetleak.extras import hint
from fleetleak.kafka.runtime import Record
from fleetleak.records import Snapshot

_SCHEMA = str(Snapshot.__struct_config__.tag)
_TEXT = {"service", "instance", "host", "scope", "environment", "version", "limit_name"}
_SECONDS = {"timestamp", "started", "pressure_some", "pressure_full", "cpu_seconds"}
_NAMES = {f.name for f in fields(Snapshot)} - {"labels"}
_COUNTERS = {"faults_minor", "faults_major", "oom_kills"}
# Numbers that stay below this are no bytes but percentages and the like: scaled up by as much, their ratios
# are kept to one in a million.
_LEAST_BYTES = 2**20


class BadRecording(ValueError):
    """A file that cannot be replayed; the message says what is missing."""


@dataclass
class Recording:
    """Series as columns by snapshot field, all of one length."""

    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.columns["timestamp"])

    def records(self, in_turns: bool = False) -> Iterator[Record]:
        """Give the input records in order of time, or in turns: the first of each service, the second, ...

        Each service's are in its own order either way, so the results are the same; in turns a batch holds
        more services, and vectors are longer. Offsets are those in order of time.
        """
        names = list(self.columns)
        at, service = names.index("timestamp"), names.index("service")
        rows = sorted(zip(*self.columns.values(), strict=True), key=lambda row: float(row[at]))
        order = _turns([row[service] for row in rows]) if in_turns else range(len(rows))
        for offset in order:
            row = rows[offset]
            value = {"schema": _SCHEMA} | {n: v for n, v in zip(names, row, strict=True) if v is not None}
            yield Record(0, offset, str(row[service]).encode(), orjson.dumps(value), float(row[at]))


def _turns(services: Sequence[str]) -> list[int]:
    """Give positions by how many of the same service stand before them."""
    seen: Counter[str] = Counter()
    turns = []
    for service in services:
        turns.append(seen[service])
        seen[service] += 1
    return sorted(range(len(services)), key=turns.__getitem__)


def parse_mapping(text: str) -> dict[str, str]:
    """Read `field=column,field=column`.

    Examples
    --------
    >>> parse_mapping("service=series,used=mem")
    {'service': 'series', 'used': 'mem'}

    Raises
    ------
    BadRecording
        If a field is not one of a snapshot.
    """
    pairs = (part.partition("=") for part in text.split(",") if part)
    found = {field: column or field for field, _, column in pairs}
    if unknown := sorted(set(found) - _NAMES):
        raise BadRecording(
            f"--columns names {', '.join(unknown)}: a snapshot has {', '.join(sorted(_NAMES))}"
        )
    return found


def read(files: Sequence[str], mapping: Mapping[str, str]) -> Recording:
    """Read files into one recording.

    Parameters
    ----------
    mapping
        Column name by snapshot field; a field that is not named is taken from the column of its own name.

    Raises
    ------
    BadRecording
        If a file cannot be read, or service, timestamp or memory is missing.
    """
    whole: dict[str, list[Any]] = {}
    for number, file in enumerate(files):
        columns = _shaped(_table(Path(file)), mapping, file)
        if number and set(columns) != set(whole):
            raise BadRecording(f"{file} has other columns than {files[0]}")
        for name, values in columns.items():
            whole.setdefault(name, []).extend(values)
    return Recording(whole)


def _table(path: Path) -> dict[str, list[Any]]:
    try:
        if path.suffix == ".parquet":
            return _parquet(path)
        with path.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRecording(f"{path}: {error}") from None
    if not rows:
        raise BadRecording(f"{path} holds no rows")
    return {name: [row[name] or None for row in rows] for name in rows[0]}


def _parquet(path: Path) -> dict[str, list[Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise BadRecording(f"Parquet needs more: {hint('replay')}") from None
    try:
        table: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    except ArrowException as error:
        raise BadRecording(f"{path} is not Parquet: {error}") from None
    return table


def _shaped(table: Mapping[str, list[Any]], mapping: Mapping[str, str], file: str) -> dict[str, list[Any]]:
    wanted = {field: mapping.get(field, field) for field in sorted(_NAMES)}
    if missing := sorted(c for f, c in wanted.items() if f in mapping and c not in table):
        raise BadRecording(f"{file} has no column {', '.join(missing)}; it has {', '.join(table)}")
    found = {field: table[column] for field, column in wanted.items() if column in table}
    for field in ("service", "timestamp"):
        if field not in found:
            raise BadRecording(f"{file} has no {field}: name its column with --columns {field}=COLUMN")
    if "used" not in found and "anon" not in found:
        raise BadRecording(f"{file} has neither used nor anon: name a column with --columns used=COLUMN")
    found.setdefault("instance", found["service"])
    try:
        typed = {field: _typed(field, values) for field, values in found.items()}
    except (TypeError, ValueError) as error:
        raise BadRecording(f"{file}: {error}") from None
    for field in ("service", "timestamp"):
        if None in typed[field]:
            raise BadRecording(f"{file} has no {field} in row {typed[field].index(None) + 1}")
    return typed | _bytes(typed)


def _typed(field: str, values: list[Any]) -> list[Any]:
    if field in _TEXT:
        return [None if v is None else str(v) for v in values]
    numbers = [None if v is None else float(v) for v in values]
    known = [v if v is not None and math.isfinite(v) else None for v in numbers]
    return [None if v is None else int(v) for v in known] if field in _COUNTERS else known


def _bytes(typed: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Give the columns of bytes as whole numbers, scaled up for services that have another unit."""
    names = [f for f in typed if f not in _TEXT | _SECONDS | _COUNTERS]
    most: dict[str, float] = {}
    for values in zip(typed["service"], *(typed[name] for name in names), strict=True):
        most[values[0]] = max(most.get(values[0], 0.0), *(v or 0.0 for v in values[1:]))
    scales = [unit_scale(most[service]) for service in typed["service"]]
    return {
        name: [None if v is None else round(v * scale) for v, scale in zip(typed[name], scales, strict=True)]
        for name in names
    }


def unit_scale(most: float) -> int:
    """Give the factor that makes bytes of a service's numbers, the largest of which is `most`."""
    return _LEAST_BYTES if most < _LEAST_BYTES else 1
