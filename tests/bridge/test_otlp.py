"""What OpenTelemetry's points become, in protobuf and in JSON, and which points are left out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from tests.bridge.otlp import BEGIN, MIB, WITH_ATTRIBUTES, Attributes, Point, cluster, kubelet, message
from tests.bridge.support import SPELLINGS, Decoded, decoded

NODE: Attributes = {"k8s.node.name": "node-a"}
MEMORY = "k8s.node.memory.working_set"
CPU = "k8s.node.cpu.time"

Spelling = Callable[[bytes], bytes]
spellings = pytest.mark.parametrize("spelled", [bytes, *SPELLINGS], ids=lambda one: str(one.__name__))
IN_JSON = pytest.mark.parametrize("spelled", SPELLINGS, ids=lambda one: str(one.__name__))


def of_node(*points: Point, spelled: Spelling = bytes) -> Decoded:
    """Return what becomes of points of a node."""
    return decoded(spelled(message((NODE, points))))


def fields(made: Decoded) -> list[dict[str, float]]:
    """Return the fields of each reading."""
    return [reading.fields for reading in made.readings]


EVERYTHING = message(
    kubelet(BEGIN, 100 * MIB),
    cluster(BEGIN, 512 * MIB, restarts=3, reason="OOMKilled"),
    (NODE, [Point(MEMORY, value, BEGIN + number) for number, value in enumerate((0, 5, 2**53 + 1))]),
    (NODE, [Point(MEMORY, value, BEGIN + number) for number, value in enumerate((0.0, math.nan, math.inf))]),
    (NODE, [Point(MEMORY, value) for value in (-1, -math.inf, -0.5, 1e300)]),
    (NODE, [Point(MEMORY, 7, 0.0), Point(MEMORY, 7, flags=1), Point(CPU, 2.5, sum=True, start=BEGIN - 60)]),
    (NODE, [Point(CPU, 2.5, delta=True)]),
    ({"host.name": "é\u2028\U0001f600"}, [Point("system.memory.usage", 1, attributes={"state": "used"})]),
    (
        {"process.pid": 42, "process.executable.name": "a", "host.name": "h"},
        [Point("process.memory.usage", 2**30)],
    ),
)


@IN_JSON
def test_a_message_is_read_the_same_in_every_encoding(spelled: Spelling) -> None:
    in_protobuf = decoded(EVERYTHING)
    assert decoded(spelled(EVERYTHING)) == in_protobuf
    assert {reading.preset for reading in in_protobuf.readings} == {
        "kubelet_stats", "kubelet_stats_node", "host_metrics", "process_metrics",
    }  # fmt: skip
    assert in_protobuf.left.keys() >= {"impossible", "no-time", "stale", "delta"}


@spellings
def test_the_points_of_one_thing_and_time_are_one_reading(spelled: Spelling) -> None:
    points = [Point(MEMORY, 5), Point("k8s.node.memory.rss", 3.0), Point(MEMORY, 6, BEGIN + 10)]
    made = of_node(*points, spelled=spelled)
    assert [(one.thing, one.time, one.fields) for one in made.readings] == [
        ("host/node-a", BEGIN, {"working_set": 5.0, "anon": 3.0}),
        ("host/node-a", BEGIN + 10, {"working_set": 6.0}),
    ]
    assert made.left == {}


@pytest.mark.parametrize("spelled", SPELLINGS[:2])
def test_the_time_is_exact_to_the_microsecond(spelled: Spelling) -> None:
    time = 1_700_000_000.123456
    assert [one.time for one in of_node(Point(MEMORY, 5, time), spelled=spelled).readings] == [time]


@spellings
def test_a_sum_is_read_as_a_gauge_is(spelled: Spelling) -> None:
    assert fields(of_node(Point(MEMORY, 5, sum=True), spelled=spelled)) == [{"working_set": 5.0}]


@spellings
def test_a_sum_that_tells_differences_is_left_out(spelled: Spelling) -> None:
    """The message before may be lost, and then the sum of them is wrong for ever."""
    made = of_node(Point(CPU, 5.0, delta=True), Point(CPU, 6.0, delta=True), spelled=spelled)
    assert (made.readings, made.left) == ([], {"delta": 2})


# Values and times that cannot be.


@spellings
def test_a_point_that_marks_the_end_of_a_series_is_left_out(spelled: Spelling) -> None:
    made = of_node(Point(MEMORY, 5, flags=1), spelled=spelled)
    assert (made.readings, made.left) == ([], {"stale": 1})


@pytest.mark.parametrize("value", ['"asInt":"0"', '"asDouble":0', '"asDouble":null'])
def test_a_point_that_is_marked_as_no_value_may_say_nothing(value: str) -> None:
    made = decoded(_in_json(f'"timeUnixNano":"1700000000000000000","flags":1,{value}'))
    assert (made.readings, made.left) == ([], {"stale": 1})


def test_a_point_without_a_value_is_left_out() -> None:
    made = decoded(_in_json('"timeUnixNano":"1700000000000000000"'))
    assert (made.readings, made.left) == ([], {"stale": 1})


@spellings
@pytest.mark.parametrize("value", [0, 0.0])
def test_zero_is_a_value(value: float, spelled: Spelling) -> None:
    assert fields(of_node(Point(MEMORY, value), spelled=spelled)) == [{"working_set": 0.0}]


@spellings
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -1.0, 2**61, 1e300])
def test_a_value_that_no_memory_has_is_left_out(value: float, spelled: Spelling) -> None:
    made = of_node(Point(MEMORY, value), Point("k8s.node.memory.rss", 3), spelled=spelled)
    assert (fields(made), made.left) == ([{"anon": 3.0}], {"impossible": 1})


@pytest.mark.parametrize("text", ['"NaN"', '"x"', '""', '"1e999"', "null"])
def test_a_text_that_is_no_number_is_no_value(text: str) -> None:
    made = decoded(_in_json(f'"timeUnixNano":"1700000000000000000","asDouble":{text}'))
    assert (made.readings, sum(made.left.values())) == ([], 1)


@spellings
@pytest.mark.parametrize("time", [0.0, 1e-9, 18.4e9])
def test_a_time_is_taken_as_it_is_and_0_is_none(time: float, spelled: Spelling) -> None:
    made = of_node(Point(MEMORY, 5, time), spelled=spelled)
    assert [one.time for one in made.readings] == ([time] if time else [])
    assert made.left == ({} if time else {"no-time": 1})


@pytest.mark.parametrize("time", ["-5", "100000001000000000000", '"-1"'])
def test_a_time_in_json_that_cannot_be_is_none(time: str) -> None:
    made = decoded(_in_json(f'"timeUnixNano":{time},"asInt":"5"'))
    assert (made.readings, made.left) == ([], {"no-time": 1})


@spellings
def test_a_start_is_none_if_it_is_the_time_or_cannot_be(spelled: Spelling) -> None:
    begun = [Point(CPU, 1.0, BEGIN, sum=True, start=start) for start in (0.0, BEGIN, BEGIN + 5, 18.4e9)]
    for point in begun:
        assert fields(of_node(point, spelled=spelled)) == [{"cpu_seconds": 1.0}]
    made = of_node(Point(CPU, 1.0, BEGIN, sum=True, start=BEGIN - 2), spelled=spelled)
    assert fields(made) == [{"cpu_seconds": 1.0, "started": BEGIN - 2}]


def _in_json(point: str) -> bytes:
    """Return a message in JSON with one point of a node's memory."""
    attributes = '[{"key":"k8s.node.name","value":{"stringValue":"node-a"}}]'
    metrics = f'[{{"name":"{MEMORY}","gauge":{{"dataPoints":[{{{point}}}]}}}}]'
    return (
        f'{{"resourceMetrics":[{{"resource":{{"attributes":{attributes}}},'
        f'"scopeMetrics":[{{"metrics":{metrics}}}]}}]}}'
    ).encode()


# What else a message holds.


def test_what_is_not_listed_is_ignored_in_json() -> None:
    document = json.loads(_in_json('"timeUnixNano":"1700000000000000000","asInt":"5","exemplars":[{"a":1}]'))
    resource = document["resourceMetrics"][0]
    resource["schemaUrl"] = "https://opentelemetry.io/schemas/1.37.0"
    resource["resource"]["droppedAttributesCount"] = 1
    resource["resource"]["attributes"] += [
        {"key": "a", "value": {"boolValue": True}},
        {"key": "b", "value": {"doubleValue": 1.5}},
        {"key": "c", "value": {"kvlistValue": {"values": [{"key": "x", "value": {"stringValue": "y"}}]}}},
        {"key": "d", "value": {"arrayValue": {"values": [{}, {"intValue": "1"}]}}},
        {"key": "e", "value": {"bytesValue": "AAAA"}},
        {"key": "f", "value": {}},
        {"key": "g"},
        {"value": {"stringValue": "no key"}},
    ]
    scope = resource["scopeMetrics"][0]
    scope["scope"] = {"name": "kubeletstats", "version": "0.130.0"}
    scope["metrics"] += [
        {"name": MEMORY, "unit": "By", "description": "..."},
        {"name": "system.cpu.load_average.1m", "gauge": {"dataPoints": [{"asDouble": 1}]}},
    ]
    made = decoded(json.dumps(document).encode())
    assert (fields(made), made.left) == ([{"working_set": 5.0}], {})


HISTOGRAM = '{"count":"2","sum":9.5,"bucketCounts":["1","1"],"explicitBounds":[5],"timeUnixNano":"1"}'


@pytest.mark.parametrize("kind", ["histogram", "exponentialHistogram", "summary"])
def test_histograms_and_the_like_are_ignored(kind: str) -> None:
    made = decoded(_in_json("").replace(b'"gauge":{"dataPoints":[{}]}', b'"%s":{"dataPoints":[%s]}' % (
        kind.encode(), HISTOGRAM.encode(),
    )))  # fmt: skip
    assert made == Decoded([], {}, [], unknown=True)


@spellings
def test_what_no_preset_knows_is_counted_as_unknown(spelled: Spelling) -> None:
    assert of_node(Point("jvm.memory.used", 5), spelled=spelled) == Decoded([], {}, [], unknown=True)


def test_a_message_without_resources_is_unknown() -> None:
    assert decoded(b'{"resourceMetrics":[]}') == Decoded([], {}, [], unknown=True)


def test_points_that_nothing_names_are_counted() -> None:
    made = decoded(message(({}, [Point(MEMORY, 5), Point("process.memory.usage", 9)])))
    assert (made.readings, made.left) == ([], {"nameless": 2})


def test_a_point_that_one_preset_takes_is_not_counted_as_nameless() -> None:
    assert decoded(message(kubelet(BEGIN, 100 * MIB))).left == {}


def test_the_key_of_a_message_does_not_matter() -> None:
    assert decoded(EVERYTHING, b"\xff\x00") == decoded(EVERYTHING)


@spellings
def test_each_of_several_resources_has_its_own_readings(spelled: Spelling) -> None:
    others = [{**WITH_ATTRIBUTES, "k8s.pod.name": f"cart-7d9f8c6b5-{name}"} for name in ("aaaaa", "bbbbb")]
    value = message(*(kubelet(BEGIN, size * MIB, one) for size, one in enumerate(others, 1)))
    made = decoded(spelled(value)).readings
    assert [(one.thing, one.fields["anon"]) for one in made] == [
        ("pod/shop/cart-7d9f8c6b5-aaaaa", MIB),
        ("pod/shop/cart-7d9f8c6b5-bbbbb", 2 * MIB),
    ]


def test_long_names_are_cut_so_that_a_record_can_hold_them() -> None:
    long = dict.fromkeys(WITH_ATTRIBUTES, "é" * 5000)
    made = decoded(message(kubelet(BEGIN, MIB, long), ({"k8s.node.name": "n" * 5000}, [Point(MEMORY, 5)])))
    assert len(made.readings) == 2
