"""Recorded series from CSV and Parquet files, as snapshots in the order of time."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import fields

from fleetleak.kafka.runtime import Record
from fleetleak.records import Snapshot

_SCHEMA = str(Snapshot.__struct_config__.tag)
_TEXT = {"service", "instance", "host", "scope", "environment", "version", "limit_name"}
_SECONDS = {"timestamp", "started", "pressure_some", "pressure_full", "cpu_seconds"}
_NAMES = {f.name for f in fields(Snapshot)} - {"labels"}
# Percentages and the like have no bytes: scaled up, their ratios are kept to one in a million.
_UNIT_SCALE = 2**20


class BadRecording(ValueError):
    """A file that cannot be replayed; the message says what is missing."""


@dataclass
class Recording:
    """Series as columns by snapshot field, all of one length."""

    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.columns["timestamp"])

    def records(self) -> Iterator[Record]:
        """Give the input records, in order of time; each service's in its own order."""
        names = list(self.columns)
        rows = zip(*self.columns.values(), strict=True)
        at = names.index("timestamp")
        service = names.index("service")
        for offset, row in enumerate(sorted(rows, key=lambda r: float(r[at]))):
            value = {"schema": _SCHEMA} | {n: v for n, v in zip(names, row, strict=True) if v is not None}
            yield Record(0, offset, str(row[service]).encode(), orjson.dumps(value), float(row[at]))


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
        raise BadRecording("Parquet needs the extra: pip install 'fleetleak[replay]'") from None
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
        return {field: _typed(field, values) for field, values in found.items()} | _memory(found)
    except (TypeError, ValueError) as error:
        raise BadRecording(f"{file}: {error}") from None


def _typed(field: str, values: list[Any]) -> list[Any]:
    if field in _TEXT:
        return [None if v is None else str(v) for v in values]
    return [None if v is None else float(v) for v in values]


def _memory(found: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Give the columns of bytes as whole numbers, scaled up where the recording has another unit."""
    names = [f for f in found if f not in _TEXT and f not in _SECONDS]
    numbers = {name: _typed(name, found[name]) for name in names}
    scale = 1 if all(v is None or v == int(v) for values in numbers.values() for v in values) else _UNIT_SCALE
    return {n: [None if v is None else round(v * scale) for v in values] for n, values in numbers.items()}
