"""Samples of a Prometheus, as prometheus-kafka-adapter writes them: one for each record.

Source: Telefonica/prometheus-kafka-adapter, `serializers.go`; its JSON and its Avro JSON are the same text.
"""

from __future__ import annotations

import math

import msgspec

from producers.bridge.collect import STALE, Collect
from producers.bridge.formats.text import decoded, number, unix_seconds
from producers.bridge.index import POINT_LABELS, USES


class _Sample(msgspec.Struct):
    name: str
    labels: dict[str, str]
    timestamp: str
    value: str | float | None


_JSON = msgspec.json.Decoder(_Sample)


def read(value: bytes, collect: Collect) -> None:
    """Give the sample of one record to `collect`.

    Raises
    ------
    Unreadable
        If it is no sample.
    """
    sample = decoded(_JSON, value, "a sample of prometheus-kafka-adapter")
    if (uses := USES.get(sample.name)) is None:
        return
    amount = number(sample.value)
    if math.isnan(amount):
        # Prometheus marks the end of a series with one. The text does not tell it from another.
        collect.left[STALE] += 1
        return
    labels = {known: text for name, text in sample.labels.items() if (known := POINT_LABELS.get(name))}
    collect.add(uses, labels, unix_seconds(sample.timestamp), amount)
