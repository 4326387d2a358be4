"""JSON: what Prometheus answers, snapshots one a line, and objects one a line or in a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson

from fleetleak.records import Decoder, Snapshot, Unreadable
from fleetleak_app.reading.findings import BadRecording, Findings, shortened
from fleetleak_app.reading.numbers import finite
from fleetleak_app.reading.series import Metric, Series, text_of
from fleetleak_app.reading.table import Table

_SCHEMA_SHOWN = re.compile(rb'"schema"\s*:')


def is_json(text: str) -> bool:
    """Tell whether a file's text is meant to be JSON."""
    return text.lstrip("\ufeff \t\n")[:1] in ("{", "[") and _is_object(text)


def _is_object(text: str) -> bool:
    # A header of Prometheus begins with a brace too; a name there is not in quotes.
    return re.match(r"[\ufeff\s]*[{\[]\s*(?:[\"{\[\]}\d-]|$)", text) is not None


class Snapshots(NamedTuple):
    """Snapshots, the row of each, and how many rows there were."""

    found: list[Snapshot]
    rows: list[int]
    read: int


def snapshots(data: bytes, file: str, findings: Findings) -> Snapshots | None:
    """Read snapshots, one a line; None if it is something else.

    Raises
    ------
    BadRecording
        If not one can be read.
    """
    lines = data.splitlines()
    first = next((line for line in lines if line.strip()), b"")
    if not _SCHEMA_SHOWN.search(first) or _whole(first) is None:
        return None
    decode, found, rows, unread = Decoder(Snapshot).decode, [], [], []
    for row, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(decode(line))
            rows.append(row)
        except Unreadable as error:
            unread.append((row, error))
    if not found:
        raise BadRecording(f"{file} holds no snapshot that can be read; row {unread[0][0]}: {unread[0][1]}")
    for row, why in unread:
        findings.leave(f"unreadable snapshots ({why.reason})", 1, f"{file} row {row}: {why}")
    return Snapshots(found, rows, len(found) + len(unread))


def series(text: str, file: str, findings: Findings) -> list[Series] | None:
    """Read what Prometheus answers to a range query; None if it is something else.

    Raises
    ------
    BadRecording
        If it is an error, or an answer to another query.
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
    return [_series(one, number, file, findings) for number, one in enumerate(results, 1)]


def _series(result: Mapping[str, Any], number: int, file: str, findings: Findings) -> Series:
    values, labels = result.get("values"), result.get("metric")
    if not isinstance(values, list) or not isinstance(labels, dict):
        raise BadRecording(f"{file} result {number} has no metric and values: give the answer to query_range")
    pairs = [_pair(value) for value in values]
    good = [(row, *pair) for row, pair in enumerate(pairs, 1) if pair is not None]
    if len(good) < len(pairs):
        row = pairs.index(None) + 1
        findings.leave(
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


def table(text: str, file: str, findings: Findings) -> Table:
    """Read objects of one level, in a list or one a line.

    Raises
    ------
    BadRecording
        If there are none.
    """
    whole = _whole(text)
    found: Sequence[Any] = (
        whole if isinstance(whole, list) else [_whole(x) for x in text.split("\n") if x.strip()]
    )
    rows = [row for row, one in enumerate(found, 1) if isinstance(one, dict)]
    if not rows or isinstance(whole, dict) or 2 * len(rows) < len(found):
        raise BadRecording(
            f"{file} is JSON, but neither an answer of Prometheus nor snapshots or other objects, one a line"
        )
    if len(rows) < len(found):
        row = next(row for row, one in enumerate(found, 1) if not isinstance(one, dict))
        findings.leave("lines that are no object", len(found) - len(rows), f"{file} row {row}")
    objects = [found[row - 1] for row in rows]
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


def fields_of(found: Sequence[Snapshot]) -> dict[str, list[Any]]:
    """Give snapshots as columns; fields that none has are left out."""
    names = [field.name for field in msgspec.structs.fields(Snapshot)]
    columns = {name: [getattr(one, name) for one in found] for name in names}
    return {name: values for name, values in columns.items() if any(v is not None for v in values)}
