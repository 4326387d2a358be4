"""How others write points on Kafka: one format, one file, one line here."""

from __future__ import annotations

from collections.abc import Callable

from producers.bridge.collect import Collect

Read = Callable[[bytes, Collect], None]
"""Gives the points of one record to `Collect`; raises `Unreadable` if it is no such record.

The words of the error never hold a part of the record: they become a header of the dead letter.
"""

FORMATS = {
    "collectd": "producers.bridge.formats.collectd",
    "metricbeat": "producers.bridge.formats.metricbeat",
    "otlp": "producers.bridge.formats.otlp",
    "prometheus-adapter": "producers.bridge.formats.prometheus_adapter",
    "vector": "producers.bridge.formats.vector",
}
"""The module of each format; it has `read`."""
