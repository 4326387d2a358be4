"""Records that are no metrics of OpenTelemetry, or only nearly, are rejected with a reason and do no harm."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.bridge.otlp import BEGIN, MIB, WITH_ATTRIBUTES, Point, cluster, kubelet, message
from tests.bridge.support import SPELLINGS, collectors_json_of, decoded
from tests.fuzz.odd import DEEP, damaged
from tests.unit.strategies import REPEATABLE

WHOLE = message(kubelet(BEGIN, 100 * MIB), cluster(BEGIN, 512 * MIB, reason="OOMKilled"))
IN_JSON = collectors_json_of(WHOLE)
SECRET = "hunter2"
# A reason and a message are a header of the dead letter, so they are among these words.
SAID = {
    ("empty", "the record has no value"),
    ("malformed", "neither OTLP protobuf nor OTLP JSON"),
    ("malformed", "not JSON"),
    ("invalid", "JSON, but not OTLP metrics"),
    ("wrong-record", "it holds no metrics: a message of another kind or encoding"),
}


def rejected(value: bytes | None) -> tuple[str, str]:
    """Return the reason and the message of a record that is rejected as a whole."""
    made = decoded(value)
    assert made.readings == []
    (one,) = made.rejected
    return one


@pytest.mark.parametrize("value", [None, b""])
def test_a_record_without_a_value_is_empty(value: bytes | None) -> None:
    assert rejected(value)[0] == "empty"


def test_a_message_that_ends_early_is_rejected_or_holds_less() -> None:
    for size in range(1, len(WHOLE)):
        made = decoded(WHOLE[:size])
        assert set(made.rejected) < SAID
        assert made.rejected or len(made.readings) < len(decoded(WHOLE).readings)


def test_json_that_ends_early_is_malformed() -> None:
    assert {rejected(IN_JSON[:size])[0] for size in range(1, len(IN_JSON))} == {"malformed"}


@pytest.mark.parametrize(
    "value", [b"{}", b'{"resourceMetrics":1}', b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[3]}]}]}']
)
def test_json_that_is_no_metrics_is_invalid(value: bytes) -> None:
    assert rejected(value)[0] == "invalid"


@pytest.mark.parametrize(
    "value", [b"{", b"{\xff}", b'{"resourceMetrics":[]} x', b'{"resourceMetrics":[NaN]}']
)
def test_what_only_begins_like_json_is_malformed(value: bytes) -> None:
    assert rejected(value)[0] == "malformed"


@pytest.mark.parametrize("value", [b"[]", b"\xff", b"\x00" * 9, b"host.cpu 5 1700000000", b"null"])
def test_what_is_neither_is_malformed(value: bytes) -> None:
    assert rejected(value)[0] == "malformed"


def test_compression_by_the_encoding_is_named_as_the_reason() -> None:
    zstd = b"\x28\xb5\x2f\xfd" + WHOLE
    for value in (gzip.compress(WHOLE), gzip.compress(IN_JSON), zstd):
        reason, words = rejected(value)
        assert reason == "compressed"
        assert "`compression`" in words


# Deep nesting.


def nested(depth: int) -> bytes:
    """Return a message with a deep attribute, in JSON."""
    value = '{"arrayValue":{"values":[' * depth + '{"stringValue":"x"}' + "]}}" * depth
    attribute = f'{{"key":"container.image.tags","value":{value}}}'
    return f'{{"resourceMetrics":[{{"resource":{{"attributes":[{attribute}]}}}}]}}'.encode()


def unknown(depth: int) -> bytes:
    """Return a message with a deep field that nobody asks for, in JSON."""
    return b'{"resourceMetrics":[],"x":' + b"[" * depth + b"]" * depth + b"}"


def test_deep_json_is_malformed() -> None:
    for deep in (nested, unknown):
        assert decoded(deep(5)).rejected == []
        assert rejected(deep(100_000))[0] == "malformed"


def test_a_deep_message_is_malformed() -> None:
    deep = b""
    for _ in range(5000):
        # An array, in a value, in the array around it.
        deep = _inside(1, _inside(5, deep))
    attribute = _inside(1, b"container.image.tags") + _inside(2, _inside(5, deep))
    assert rejected(_inside(1, _inside(1, _inside(1, attribute))))[0] == "malformed"


def _inside(field: int, value: bytes) -> bytes:
    """Return a field of protobuf with a length before it."""
    size, length = len(value), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([field << 3 | 2]) + length + bytes([size]) + value


@pytest.mark.parametrize("value", DEEP, ids=range(len(DEEP)))
def test_what_is_deep_or_long_is_rejected(value: bytes) -> None:
    assert rejected(value) in SAID


# Numbers that no 64 bits hold.


@pytest.mark.parametrize("name", ["timeUnixNano", "startTimeUnixNano"])
def test_a_time_of_hundreds_of_digits_is_none(name: str) -> None:
    document = json.loads(collectors_json_of(message(({"k8s.node.name": "a"}, [
        Point("k8s.node.cpu.time", 5), Point("k8s.node.memory.working_set", 5)
    ]))))  # fmt: skip
    for metric in document["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
        metric["gauge"]["dataPoints"][0][name] = "1" + "0" * 400
    assert decoded(json.dumps(document).encode()).rejected in (
        [],
        [("invalid", "JSON, but not OTLP metrics")],
    )


@pytest.mark.parametrize("value", ['"1' + "0" * 400 + '"', "1" + "0" * 400, '"' + "9" * 5000 + '"'])
def test_a_value_of_hundreds_of_digits_is_none(value: str) -> None:
    for name in ('"asInt":"', '"asDouble":"'):
        made = decoded(IN_JSON.replace(b'"asInt":"', name.encode()).replace(b'"104857600"', value.encode()))
        assert set(made.rejected) < SAID
        assert all("anon" not in reading.fields for reading in made.readings)


# Messages of another kind.


RESOURCE = Resource(attributes=[KeyValue(key="k8s.node.name", value=AnyValue(string_value="node-a"))])
LOGS = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(
            resource=RESOURCE,
            scope_logs=[
                ScopeLogs(
                    log_records=[
                        LogRecord(
                            time_unix_nano=17 * 10**17,
                            severity_text="INFO",
                            body=AnyValue(string_value="system.memory.usage"),
                        )
                    ]
                )
            ],
        )
    ]
).SerializeToString()
TRACES = ExportTraceServiceRequest(
    resource_spans=[
        ResourceSpans(
            resource=RESOURCE,
            scope_spans=[
                ScopeSpans(spans=[Span(trace_id=b"system.memory.us", span_id=b"12345678", name="x")])
            ],
        )
    ]
).SerializeToString()
EMPTY_RESOURCES = ExportLogsServiceRequest(
    resource_logs=[ResourceLogs(resource=RESOURCE)]
).SerializeToString()


@pytest.mark.parametrize(
    "value", [LOGS, TRACES, EMPTY_RESOURCES, b'{"resourceLogs":[]}', b'{"resourceSpans":[]}']
)
def test_logs_and_traces_are_no_readings(value: bytes) -> None:
    """In protobuf nothing but a field's number tells them apart, so not all of them can be rejected."""
    made = decoded(value)
    assert made.readings == []
    assert made.unknown or set(made.rejected) < SAID


def test_protobuf_of_another_shape_is_another_record() -> None:
    assert rejected(b"\x12\x03abc")[0] == "wrong-record"


# Anything at all.


@REPEATABLE
@given(st.binary(max_size=60) | damaged(WHOLE) | damaged(IN_JSON))
def test_no_bytes_do_any_harm(value: bytes) -> None:
    made = decoded(value)
    assert set(made.rejected) < SAID or made.rejected[0][0] == "compressed"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@REPEATABLE
@given(st.data())
def test_json_with_any_value_in_place_of_another_does_no_harm(data: st.DataObject) -> None:
    document = json.loads(data.draw(st.sampled_from([one(WHOLE) for one in SPELLINGS])))
    inside, name = data.draw(st.sampled_from(list(_places(document))))
    inside[name] = data.draw(VALUES)
    assert set(decoded(json.dumps(document).encode()).rejected) < SAID


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each list or object of a document, and each place in it."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


# No error shows a piece of the record.


@pytest.mark.parametrize(
    "value",
    [
        SECRET.encode(),
        b'{"resourceMetrics":"%s"}' % SECRET.encode(),
        b'{"%s":1}' % SECRET.encode(),
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":5,"value":"%s"}]}}]}' % SECRET.encode(),
        b'{"resourceMetrics":[' + SECRET.encode(),
        b'{"x":"\xff%s"}' % SECRET.encode(),
        IN_JSON.replace(b'"1700000000000000000"', b'"%s"' % SECRET.encode()),
        message(kubelet(BEGIN, MIB, {**WITH_ATTRIBUTES, "k8s.pod.name": SECRET}))[:-3],
        b"\x12\x07" + SECRET.encode(),
        gzip.compress(SECRET.encode(), 0),
    ],
)
def test_the_words_of_an_error_hold_nothing_of_the_record(value: bytes) -> None:
    assert SECRET.encode() in value
    assert SECRET not in str(rejected(value))
