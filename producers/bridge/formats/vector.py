"""Metrics of Vector, as its Kafka sink writes them with the codec `json`: one for each record.

Source: vectordotdev/vector, `lib/codecs/src/encoding/format/json.rs` and `lib/vector-core/src/event/metric`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from producers.bridge.collect import DELTA, Collect
from producers.bridge.formats.text import decoded, number, unix_seconds
from producers.bridge.index import POINT_LABELS, USES

_Tag = str | list[str | None] | None


class _Number(msgspec.Struct):
    # Vector writes null for what is not finite.
    value: float | None = None


class _Metric(msgspec.Struct):
    """Without a gauge and a counter it is a distribution or the like, which is no memory."""

    name: str
    kind: str
    namespace: str | None = None
    tags: dict[str, _Tag] | None = None
    timestamp: str | None = None
    gauge: _Number | None = None
    counter: _Number | None = None


_JSON = msgspec.json.Decoder(_Metric)


def read(value: bytes, collect: Collect) -> None:
    """Give the value of one metric to `collect`.

    Raises
    ------
    Unreadable
        If it is no metric, such as a log.
    """
    metric = decoded(_JSON, value, "a metric of Vector in the codec json")
    name = f"{metric.namespace}_{metric.name}" if metric.namespace else metric.name
    if (uses := USES.get(name)) is None:
        return
    if metric.kind != "absolute":
        collect.left[DELTA] += 1
        return
    told = metric.gauge or metric.counter
    amount = number(told.value if told else None)
    collect.add(uses, _labels(metric.tags or {}), unix_seconds(metric.timestamp or ""), amount)


def _labels(tags: Mapping[str, _Tag]) -> dict[str, str]:
    return {known: _text(tag) for name, tag in tags.items() if (known := POINT_LABELS.get(name))}


def _text(tag: _Tag) -> str:
    """Return the value of a tag; the last one of several, as Vector itself has it where only one can be."""
    several = tag if isinstance(tag, list) else [tag]
    return next((one for one in reversed(several) if one), "")
