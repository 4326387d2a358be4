"""JSON: answers of Prometheus, snapshots (one per line), and objects (one per line or in a list)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson

from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak_app.reading.notes import BadRecording, Notes, shortened
from fleetleak_app.reading.numbers import finite
from fleetleak_app.reading.series import Metric, Series, text_of
from fleetleak_app.reading.table import Table

_SCHEMA_SHOWN = re.compile(rb'"schema"\s*:')


def is_json(text: str) -> bool:
    """Return whether the text of a file is meant to be JSON."""
    return text.lstrip("\ufeff \t\n")[:1] in ("{", "[") and _is_object(text)


def _is_object(text: str) -> bool:
    # A CSV header with a Prometheus name begins with a brace, too, but no quote follows it.
    return re.match(r"[\ufeff\s]*[{\[]\s*(?:[\"{\[\]}\d-]|$)", text) is not None


class Snapshots(NamedTuple):
    """The good snapshots, the row of each, and the number of rows that were read."""

    good: list[Snapshot]
    rows: list[int]
    read: int


def snapshots(data: bytes, file: str, notes: Notes) -> Snapshots | None:
    """Return the snapshots of a file, one per line; None if it holds something else.

    Raises
    ------
    BadRecording
        If none of them can be read.
    """
    lines = data.splitlines()
    first = next((line for line in lines if line.strip()), b"")
    if not _SCHEMA_SHOWN.search(first) or _whole(first) is None:
        return None
    decode, good, rows, unread = Decoder(Snapshot).decode, [], [], []
    for row, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            good.append(decode(line))
            rows.append(row)
        except Unreadable as error:
            unread.append((row, error))
    if not good:
        raise BadRecording(f"{file} holds no snapshot that can be read; row {unread[0][0]}: {unread[0][1]}")
    for row, why in unread:
        notes.leave(f"unreadable snapshots ({why.reason})", 1, f"{file} row {row}: {why}")
    return Snapshots(good, rows, len(good) + len(unread))


def series(text: str, file: str, notes: Notes) -> list[Series] | None:
    """Return the series of an answer of Prometheus to a range query; None if it is something else.

    Raises
    ------
    BadRecording
        If it is an error, or the answer to another query.
    """
    answer = _whole(text)
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise BadRecording(f"{file} is an error of Prometheus: {shortened(answer.get('error'))}")
    data = answer.get("data", answer) if isinstance(answer, dict) else answer
    results = data.get("result") if isinstance(data, dict) else data
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        return None
    if isinstance(data, list) and not all("metric" in one for one in results):
        return None
    if not results:
        raise BadRecording(f"{file} is an answer of Prometheus that holds no series")
    return [_series(one, number, file, notes) for number, one in enumerate(results, 1)]


def _series(result: Mapping[str, Any], number: int, file: str, notes: Notes) -> Series:
    values, labels = result.get("values"), result.get("metric")
    if not isinstance(values, list) or not isinstance(labels, dict):
        raise BadRecording(f"{file} result {number} has no metric and values: give the answer to query_range")
    pairs = [_pair(value) for value in values]
    good = [(row, *pair) for row, pair in enumerate(pairs, 1) if pair is not None]
    if len(good) < len(pairs):
        row = pairs.index(None) + 1
        notes.leave(
            "values that are no [time, value]", len(pairs) - len(good), f"{file} result {number} row {row}"
        )
    metric = Metric(str(labels.get("__name__", "")), {name: str(v) for name, v in labels.items()})
    rows, times, amounts = zip(*good, strict=True) if good else ((), (), ())
    return Series(text_of(labels), metric, times, amounts, rows)


def _pair(value: Any) -> tuple[float, Any] | None:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], int | float):
        return None
    time = finite(float(value[0]))
    return None if time is None else (time, value[1])


def table(text: str, file: str, notes: Notes) -> Table:
    """Return flat objects, in a list or one per line, as a table.

    Raises
    ------
    BadRecording
        If there are no objects.
    """
    whole = _whole(text)
    values: Sequence[Any] = (
        whole if isinstance(whole, list) else [_whole(x) for x in text.split("\n") if x.strip()]
    )
    rows = [row for row, one in enumerate(values, 1) if isinstance(one, dict)]
    if not rows or isinstance(whole, dict) or 2 * len(rows) < len(values):
        raise BadRecording(
            f"{file} is JSON, but neither an answer of Prometheus nor snapshots or other objects, one a line"
        )
    if len(rows) < len(values):
        row = next(row for row, one in enumerate(values, 1) if not isinstance(one, dict))
        notes.leave("lines that are no object", len(values) - len(rows), f"{file} row {row}")
    objects = [values[row - 1] for row in rows]
    names = list(dict.fromkeys(name for one in objects for name in one))
    columns: list[Sequence[Any]] = [[_flat(one.get(name)) for one in objects] for name in names]
    return Table(file, names, columns, rows)


def _flat(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _whole(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def fields_of(snapshots: Sequence[Snapshot]) -> dict[str, list[Any]]:
    """Return snapshots as columns, without the fields that no snapshot has."""
    names = [field.name for field in msgspec.structs.fields(Snapshot)]
    columns = {name: [getattr(one, name) for one in snapshots] for name in names}
    return {name: values for name, values in columns.items() if any(v is not None for v in values)}
