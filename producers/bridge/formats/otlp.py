"""OTLP, as the Collector's Kafka exporter writes it: protobuf or JSON, told apart by the first byte.

Source: opentelemetry-proto, `ExportMetricsServiceRequest`, and its JSON mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

from fleetleak.records import Unreadable
from producers.bridge.collect import DELTA, STALE, Collect, Origin
from producers.bridge.formats.text import decoded, number
from producers.bridge.index import POINT_LABELS, USES, Use
from producers.bridge.names import ATTRIBUTES

T = TypeVar("T")

_NO_VALUE = 1
_DELTA = 1
_NANO, _MOST_NANO = 1e9, 2**64
_NO_LABELS: dict[str, str] = {}


def _either(known: Mapping[str, T]) -> dict[str | bytes, T]:
    """Return a mapping that is also found by bytes."""
    found: dict[str | bytes, T] = {}
    for name, value in known.items():
        found[name] = found[name.encode()] = value
    return found


_USES, _ATTRIBUTES, _POINT_LABELS = _either(USES), _either(ATTRIBUTES), _either(POINT_LABELS)
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def _with_bytes() -> Callable[[str], Any]:
    """Return a function that returns the class of a message, by its name, with bytes in place of texts.

    A Collector does not check that texts are UTF-8, and a decoder that does refuses a whole message for one
    byte in a command line that nobody reads.
    """
    pool = descriptor_pool.DescriptorPool()
    for module in (common_pb2, resource_pb2, metrics_pb2, metrics_service_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            for field in message.field:
                if field.type == field.TYPE_STRING:
                    field.type = field.TYPE_BYTES
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


_message = _with_bytes()
_Request = _message("opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest")
_ResourceOnly = _message("opentelemetry.proto.resource.v1.Resource")


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
    message = _Request()
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
                if uses := _USES.get(metric.name):
                    _points(uses, metric, collect)


def _origin(resource: Any) -> Origin:
    return Origin(_labels(resource.attributes, _ATTRIBUTES))


@lru_cache(20_000)
def _known_origin(resource: bytes) -> Origin:
    """Return the origin of a resource, by its bytes: the same ones come again at each collection."""
    return _origin(_ResourceOnly.FromString(resource))


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
    labels = _labels(attributes, _POINT_LABELS) if attributes else _NO_LABELS
    start = _seconds(point.start_time_unix_nano) if uses[0].begins else 0.0
    # In JSON an integer of 0 leaves the other kind of value, which is absent.
    collect.add(uses, labels, _seconds(point.time_unix_nano), number(0 if value is None else value), start)


def _seconds(nanoseconds: int) -> float:
    # In JSON it may have hundreds of digits.
    return nanoseconds / _NANO if nanoseconds < _MOST_NANO else 0.0


def _has_value(point: Any) -> bool:
    if isinstance(point, _Point):
        return point.as_double is not None or point.as_int is not None
    return point.WhichOneof("value") is not None


def _labels(attributes: Iterable[Any], known: Mapping[str | bytes, str]) -> dict[str, str]:
    """Return the attributes that are known, as labels."""
    found = {}
    for one in attributes:
        if name := known.get(one.key):
            value = one.value
            found[name] = _text(value.string_value) or _other_text(value)
    return found


def _text(text: str | bytes | None) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text or ""


def _other_text(value: Any) -> str:
    if value.int_value:
        return str(value.int_value)
    several = value.array_value.values if value.array_value else ()
    return next((_text(one.string_value) for one in several if one.string_value), "")
