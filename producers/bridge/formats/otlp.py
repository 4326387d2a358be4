"""OTLP, as the Collector's Kafka exporter writes it: protobuf or JSON, told apart by the first byte.

Source: opentelemetry-proto, `ExportMetricsServiceRequest`, and its JSON mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from fleetleak.records import Unreadable
from producers.bridge.collect import DELTA, STALE, Collect
from producers.bridge.index import POINT_LABELS, USES, Use
from producers.bridge.names import ATTRIBUTES

_NO_VALUE = 1
_DELTA = 1
_NANO = 1e9
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def read(value: bytes, collect: Collect) -> None:
    """Give the points of one message to `collect`.

    Raises
    ------
    Unreadable
        If it is no OTLP.
    """
    if value.startswith((_GZIP, _ZSTD)):
        raise Unreadable(
            "compressed",
            "the value itself is compressed: set `compression` of the exporter's producer, which Kafka"
            " knows, in place of a compression by the encoding",
        )
    # No message of this type begins with a brace.
    if value[:1] == b"{":
        _read_json(value, collect)
    else:
        _walk(_of_protobuf(value), collect, _protobuf_values)


def _of_protobuf(value: bytes) -> Any:
    message = ExportMetricsServiceRequest()
    try:
        message.ParseFromString(value)
    except DecodeError:
        raise Unreadable("malformed", "neither OTLP protobuf nor OTLP JSON") from None
    if value and not message.resource_metrics:
        raise Unreadable("wrong-record", "it holds no metrics: a message of another kind or encoding")
    return message


class _Value(msgspec.Struct, rename="camel", frozen=True):
    """OTLP's `AnyValue`; arrays only as far as they name something."""

    string_value: str | None = None
    int_value: int | str | None = None
    array_value: _Values | None = None


class _Values(msgspec.Struct):
    values: list[_Value] = []


class _Attribute(msgspec.Struct):
    key: str
    value: _Value = _Value()


class _Point(msgspec.Struct, rename="camel"):
    attributes: list[_Attribute] = []
    start_time_unix_nano: int | str = 0
    time_unix_nano: int | str = 0
    as_int: int | str | None = None
    as_double: float | str | None = None
    flags: int | str = 0


class _Numbers(msgspec.Struct, rename="camel"):
    data_points: list[_Point] = []
    aggregation_temporality: int | str = 0


class _Metric(msgspec.Struct):
    name: str = ""
    gauge: _Numbers | None = None
    sum: _Numbers | None = None


class _Scope(msgspec.Struct):
    metrics: list[_Metric] = []


class _Resource(msgspec.Struct, frozen=True):
    attributes: list[_Attribute] = []


class _ResourceMetrics(msgspec.Struct, rename="camel"):
    resource: _Resource = _Resource()
    scope_metrics: list[_Scope] = []


class _Message(msgspec.Struct, rename="camel"):
    resource_metrics: list[_ResourceMetrics]


_decode_json = msgspec.json.Decoder(_Message).decode


def _read_json(value: bytes, collect: Collect) -> None:
    message = _of_json(value)
    try:
        _walk(message, collect, _json_values)
    except (ValueError, OverflowError):
        raise Unreadable("invalid", "OTLP JSON with a number that is none") from None


def _of_json(value: bytes) -> _Message:
    try:
        return _decode_json(value)
    except msgspec.ValidationError:
        raise Unreadable("invalid", "JSON, but no OTLP metrics") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("malformed", "it begins like JSON, but is none") from None


def _protobuf_values(metric: Any) -> Any:
    """Return the gauge or the sum of a metric; None for a histogram and the like."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind) if kind in ("gauge", "sum") else None


def _json_values(metric: Any) -> Any:
    return metric.gauge or metric.sum


def _walk(message: Any, collect: Collect, values: Callable[[Any], Any]) -> None:
    for resource in message.resource_metrics:
        collect.under(_labels(resource.resource.attributes, ATTRIBUTES))
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if (uses := USES.get(metric.name)) and (numbers := values(metric)):
                    _points(uses, numbers, collect)


def _points(uses: tuple[Use, ...], numbers: Any, collect: Collect) -> None:
    points = numbers.data_points
    if getattr(numbers, "aggregation_temporality", 0) in (_DELTA, str(_DELTA)):
        collect.left[DELTA] += len(points)
        return
    for point in points:
        if int(point.flags) & _NO_VALUE or (number := _number(point)) is None:
            collect.left[STALE] += 1
            continue
        attributes = point.attributes
        labels = _labels(attributes, POINT_LABELS) if attributes else {}
        time, start = int(point.time_unix_nano) / _NANO, int(point.start_time_unix_nano) / _NANO
        collect.add(uses, labels, time, number, start)


def _number(point: Any) -> float | None:
    if number := point.as_double or point.as_int:
        return float(number)
    if isinstance(point, _Point):
        return None if point.as_double is None and point.as_int is None else 0.0
    return None if point.WhichOneof("value") is None else 0.0


def _labels(attributes: Iterable[Any], known: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that are known, as labels."""
    found = {}
    for one in attributes:
        if (name := known.get(one.key)) and (text := one.value.string_value or _text(one.value)):
            found[name] = text
    return found


def _text(value: Any) -> str:
    if value.int_value:
        return str(value.int_value)
    several = value.array_value.values if value.array_value else ()
    return next((str(one.string_value) for one in several if one.string_value), "")
