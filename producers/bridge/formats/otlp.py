"""OTLP, as the Collector's Kafka exporter writes it: protobuf or JSON, told apart by the first byte.

Source: opentelemetry-proto, `ExportMetricsServiceRequest`, and its JSON mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from fleetleak.records import Unreadable
from producers.bridge.collect import DELTA, STALE, Collect, Origin
from producers.bridge.formats.text import decoded, number
from producers.bridge.index import POINT_LABELS, USES, Use
from producers.bridge.names import ATTRIBUTES

_NO_VALUE = 1
_DELTA = 1
_NANO = 1e9
_NO_LABELS: dict[str, str] = {}
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
        _walk(_of_protobuf(value), collect, _of_bytes)


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
    int_value: int | None = None
    array_value: _Values | None = None


class _Values(msgspec.Struct):
    values: list[_Value] = []


class _Attribute(msgspec.Struct):
    key: str = ""
    value: _Value = _Value()


class _Point(msgspec.Struct, rename="camel"):
    attributes: list[_Attribute] = []
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    as_int: int | None = None
    as_double: float | str | None = None
    flags: int = 0


class _Numbers(msgspec.Struct, rename="camel"):
    data_points: list[_Point] = []
    aggregation_temporality: int = 0


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


# Not strict: 64-bit numbers are strings in this JSON.
_JSON = msgspec.json.Decoder(_Message, strict=False)


def _read_json(value: bytes, collect: Collect) -> None:
    _walk(decoded(_JSON, value, "OTLP metrics"), collect, _origin)


def _walk(message: Any, collect: Collect, origin_of: Callable[[Any], Origin]) -> None:
    for resource in message.resource_metrics:
        collect.under(origin_of(resource.resource))
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if uses := USES.get(metric.name):
                    _points(uses, metric, collect)


def _origin(resource: Any) -> Origin:
    return Origin(_labels(resource.attributes, ATTRIBUTES))


@lru_cache(20_000)
def _known_origin(resource: bytes) -> Origin:
    """Return the origin of a resource, by its bytes: the same ones come again at each collection."""
    return _origin(Resource.FromString(resource))


def _of_bytes(resource: Any) -> Origin:
    return _known_origin(resource.SerializeToString())


def _points(uses: tuple[Use, ...], metric: Any, collect: Collect) -> None:
    """Give the points of a gauge or a sum to `collect`; of a histogram and the like there are none here."""
    # In protobuf what is not set is there, and empty: to look is faster than to ask.
    for point in metric.gauge.data_points if metric.gauge else ():
        _point(uses, point, collect)
    if (numbers := metric.sum) and (points := numbers.data_points):
        if numbers.aggregation_temporality == _DELTA:
            collect.left[DELTA] += len(points)
            return
        for point in points:
            _point(uses, point, collect)


def _point(uses: tuple[Use, ...], point: Any, collect: Collect) -> None:
    value = point.as_int or point.as_double
    # A point without a value is a 0 with a flag.
    if not value and (point.flags & _NO_VALUE or not _has_value(point)):
        collect.left[STALE] += 1
        return
    attributes = point.attributes
    labels = _labels(attributes, POINT_LABELS) if attributes else _NO_LABELS
    start = point.start_time_unix_nano / _NANO if uses[0].begins else 0.0
    # In JSON an integer of 0 leaves the other kind of value, which is absent.
    collect.add(uses, labels, point.time_unix_nano / _NANO, number(0 if value is None else value), start)


def _has_value(point: Any) -> bool:
    if isinstance(point, _Point):
        return point.as_double is not None or point.as_int is not None
    return point.WhichOneof("value") is not None


def _labels(attributes: Iterable[Any], known: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that are known, as labels."""
    found = {}
    for one in attributes:
        if name := known.get(one.key):
            value = one.value
            found[name] = value.string_value or _text(value)
    return found


def _text(value: Any) -> str:
    if value.int_value:
        return str(value.int_value)
    several = value.array_value.values if value.array_value else ()
    return next((str(one.string_value) for one in several if one.string_value), "")
