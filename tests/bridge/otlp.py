"""OpenTelemetry's messages, short enough to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

BEGIN = 1_700_000_000.0
MIB = 2**20

Attributes = Mapping[str, str | int | Sequence[str]]
NONE: Attributes = {}


class Point(NamedTuple):
    """One point of one metric; `start` and `time` in unix seconds, `sum` for a sum in place of a gauge."""

    metric: str
    value: float
    time: float = BEGIN
    attributes: Attributes = NONE
    start: float = 0.0
    sum: bool = False
    delta: bool = False
    flags: int = 0


def message(*resources: tuple[Attributes, Iterable[Point]]) -> bytes:
    """Return one message with these resources, as protobuf."""
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(
                resource=Resource(attributes=_attributes(attributes)),
                scope_metrics=[ScopeMetrics(metrics=[_metric(point) for point in points])],
            )
            for attributes, points in resources
        ]
    ).SerializeToString()


def _attributes(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in attributes.items()]


def _value(value: str | int | Sequence[str]) -> AnyValue:
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=map(_value, value)))


def _metric(point: Point) -> Metric:
    made = NumberDataPoint(
        attributes=_attributes(point.attributes),
        time_unix_nano=round(point.time * 1e9),
        start_time_unix_nano=round(point.start * 1e9),
        flags=point.flags,
    )
    if not point.flags & 1:
        if isinstance(point.value, int):
            made.as_int = point.value
        else:
            made.as_double = point.value
    metric = Metric(name=point.metric)
    if point.sum or point.delta:
        kind = "DELTA" if point.delta else "CUMULATIVE"
        metric.sum.aggregation_temporality = AggregationTemporality.Value(f"AGGREGATION_TEMPORALITY_{kind}")
        metric.sum.data_points.append(made)
    else:
        metric.gauge.data_points.append(made)
    return metric


POD: Attributes = {
    "k8s.namespace.name": "shop",
    "k8s.pod.name": "cart-7d9f8c6b5-x2x4z",
    "k8s.pod.uid": "0a1b",
    "k8s.container.name": "cart",
}
WITH_ATTRIBUTES: Attributes = {
    **POD,
    "k8s.node.name": "node-a",
    "k8s.deployment.name": "cart",
    "container.image.name": "registry:5000/shop/cart",
    "container.image.tag": "1.4.2",
}
"""What the processor `k8s_attributes` adds."""


def kubelet(
    time: float,
    rss: int,
    attributes: Attributes = WITH_ATTRIBUTES,
    limit: int | None = 512 * MIB,
    started: float = BEGIN - 3600,
) -> tuple[Attributes, list[Point]]:
    """Return a container as `kubelet_stats` measures it, in bytes."""
    working_set = rss + 20 * MIB
    left = [] if limit is None else [Point("container.memory.available", limit - working_set, time)]
    return attributes, [
        Point("container.memory.working_set", working_set, time, start=started),
        Point("container.memory.rss", rss, time, start=started),
        Point("container.memory.usage", rss + 60 * MIB, time, start=started),
        *left,
        Point("container.memory.page_faults", 7, time, start=started),
        Point("container.memory.major_page_faults", 3, time, start=started),
        Point("container.cpu.time", time - started, time, start=started, sum=True),
    ]


def cluster(
    time: float, limit: int | None, restarts: int = 0, reason: str | None = None
) -> tuple[Attributes, list[Point]]:
    """Return a container as `k8s_cluster` tells of it."""
    ended: Attributes = {"k8s.container.status.last_terminated_reason": reason} if reason else {}
    attributes: Attributes = {**POD, **ended}
    points = [Point("k8s.container.restarts", restarts, time)]
    return attributes, points + ([Point("k8s.container.memory_limit", limit, time)] if limit else [])
