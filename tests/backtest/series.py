"""Small series with the names of Prometheus, and files of them in each form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

BEGIN = 1_790_000_040
MIB = 2**20
LABELS = {"namespace": "shop", "pod": "web-0", "container": "web", "id": "/1", "node": "node-a"}
RSS, LIMIT = "container_memory_rss", "container_spec_memory_limit_bytes"
Labels = dict[str, str]
Sample = tuple[str, Labels, float, float]


def rising(
    times: Iterable[float], first: float = 100, step: float = 1, labels: Labels | None = None
) -> list[Sample]:
    """Return memory that rises, in MiB; `labels` are beside `LABELS`."""
    return [
        (RSS, LABELS | (labels or {}), time, (first + step * number) * MIB)
        for number, time in enumerate(times)
    ]


def limits(times: Iterable[float], labels: Labels | None = None) -> list[Sample]:
    """Return a limit of 512 MiB; `labels` are beside `LABELS`."""
    return [(LIMIT, LABELS | (labels or {}), time, 512 * MIB) for time in times]


def ticks(count: int, every: float = 60) -> list[float]:
    """Return times that are `every` seconds apart."""
    return [BEGIN + every * number for number in range(count)]


def quoted(labels: Labels) -> str:
    """Return labels as they stand between braces."""
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for name, value in labels.items()
    }
    return ",".join(f'{name}="{value}"' for name, value in escaped.items())


def dump(samples: Iterable[Sample]) -> str:
    """Return samples as `promtool tsdb dump` prints them."""
    return "".join(
        f'{{__name__="{metric}", {quoted(labels)}}} {value!r} {round(1000 * time)}\n'
        for metric, labels, time, value in samples
    )


def openmetrics(samples: Iterable[Sample]) -> str:
    """Return samples as OpenMetrics."""
    lines = (f"{metric}{{{quoted(labels)}}} {value} {time}\n" for metric, labels, time, value in samples)
    return f"# HELP {RSS} Memory.\n# TYPE {RSS} gauge\n{''.join(lines)}# EOF\n"


def answer(samples: Iterable[Sample]) -> str:
    """Return samples as an answer of the API."""
    results: dict[str, dict[str, Any]] = {}
    for metric, labels, time, value in samples:
        one = results.setdefault(quoted(labels), {"metric": {"__name__": metric, **labels}, "values": []})
        one["values"].append([time, str(value)])
    data = {"resultType": "matrix", "result": list(results.values())}
    return json.dumps({"status": "success", "data": data})


FORMS: dict[str, Callable[[Iterable[Sample]], str]] = {
    "dump": dump, "openmetrics": openmetrics, "answer": answer,
}  # fmt: skip


def written(folder: Path, words: str | bytes, name: str = "fleet.txt") -> str:
    """Write a file, and return its name."""
    file = folder / name
    file.write_bytes(words if isinstance(words, bytes) else words.encode())
    return str(file)
