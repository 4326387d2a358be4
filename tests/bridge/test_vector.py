"""What Vector's Kafka sink writes becomes snapshots: of its host_metrics, and of what it scrapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from fleetleak.observe import metrics
from fleetleak.records import Snapshot
from tests.bridge.support_vector import BEGIN, GIB, MIB, Bridge, decoded, left_out, refused, snapshots

FORMAT = "vector"
HOST = {"collector": "memory", "host": "n1"}
PROCESS = {"collector": "process", "command": "python app.py", "host": "n1", "name": "python", "pid": "42"}
POD = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": "cart"}
MEMORY = {
    "memory_total_bytes": 8 * GIB,
    "memory_free_bytes": 2 * GIB,
    "memory_available_bytes": 5 * GIB,
    "memory_active_bytes": GIB,
    "memory_buffers_bytes": 100 * MIB,
    "memory_cached_bytes": 3 * GIB,
    "memory_shared_bytes": 10 * MIB,
    "memory_used_bytes": 7 * GIB,
    "memory_swap_free_bytes": 3 * GIB,
    "memory_swap_total_bytes": 4 * GIB,
    "memory_swap_used_bytes": GIB,
}
GOOD = (
    '{"name":"memory_available_bytes","namespace":"host","tags":{"collector":"memory","host":"n1"},'
    '"timestamp":"2023-11-14T22:13:20.500000001Z","kind":"absolute","gauge":{"value":600.0}}'
)


def event(
    name: str,
    value: float,
    tags: Mapping[str, object],
    time: float = BEGIN,
    kind: str = "gauge",
    namespace: str | None = "host",
) -> str:
    """Return one record: fields in Vector's order, without those that are not set."""
    at = datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")
    known = {"name": name, "namespace": namespace, "tags": tags or None, "timestamp": at, "kind": "absolute"}
    set_ones = {key: one for key, one in known.items() if one is not None}
    return json.dumps({**set_ones, kind: {"value": float(value)}}, separators=(",", ":"))


def host(
    values: Mapping[str, float], time: float = BEGIN, tags: Mapping[str, object] = HOST
) -> Sequence[str]:
    """Return what the collector of memory writes at one time."""
    return [event(name, value, tags, time) for name, value in values.items()]


def process(held: int, time: float = BEGIN, tags: Mapping[str, object] = PROCESS) -> Sequence[str]:
    """Return what the collector of processes writes of one process."""
    return [
        event("process_cpu_usage", 3.5, tags, time),
        event("process_memory_usage", held, tags, time),
        event("process_memory_virtual_usage", 40 * held, tags, time),
        event("process_runtime", 3600, tags, time, "counter"),
    ]


def scraped(name: str, value: float, tags: Mapping[str, object], time: float = BEGIN) -> str:
    """Return what prometheus_scrape makes of a sample: it has no namespace."""
    return event(name, value, tags, time, namespace=None)


# host_metrics.


def test_a_host_as_it_is_written() -> None:
    (one,) = snapshots(FORMAT, [GOOD])
    assert (one.service, one.instance, one.scope, one.host) == ("host/n1", "n1", "host", "n1")
    assert (one.timestamp, one.available) == (BEGIN + 0.5, 600)


def test_a_linux_host() -> None:
    others = {**HOST, "collector": "host"}
    texts = [
        event("uptime", 3600, others),
        event("boot_time", BEGIN - 3600, others),
        *host(MEMORY),
        event("memory_swapped_in_bytes_total", 5, HOST, kind="counter"),
        event("memory_oom_kill_events_total", 2, HOST, kind="counter"),
    ]
    assert snapshots(FORMAT, texts) == [
        Snapshot(
            service="host/n1", instance="n1", timestamp=BEGIN, host="n1", scope="host", started=BEGIN - 3600,
            total=8 * GIB, available=5 * GIB, used=3 * GIB, free=2 * GIB, swap_total=4 * GIB, swap_used=GIB,
            active=GIB, file=3 * GIB + 100 * MIB, shmem=10 * MIB, limit=8 * GIB, limit_used=3 * GIB,
            oom_kills=2,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "others", [(), ("memory_active_bytes", "memory_inactive_bytes", "memory_wired_bytes")]
)
def test_a_host_of_another_system(others: Sequence[str]) -> None:
    told = {
        name: MEMORY[name] for name in ("memory_total_bytes", "memory_free_bytes", "memory_available_bytes")
    }
    (one,) = snapshots(FORMAT, host(told | dict.fromkeys(others, GIB)))
    assert (one.total, one.used, one.free, one.limit_used) == (8 * GIB, 3 * GIB, 2 * GIB, 3 * GIB)
    assert (one.file, one.swap_used, one.active) == (None, None, GIB if others else None)


def test_collectors_with_a_time_of_their_own_make_one_snapshot() -> None:
    bridge, found = Bridge(FORMAT), []
    for number in range(3):
        time = BEGIN + 15.0 * number
        swap = {name: value for name, value in MEMORY.items() if "swap" in name}
        texts = [event("boot_time", BEGIN - 3600, {**HOST, "collector": "host"}, time - 0.002)]
        texts += host({name: MEMORY[name] for name in MEMORY if name not in swap}, time)
        found += bridge.feed([*texts, *host(swap, time + 0.001)], time)
    found += bridge.silent()
    assert [one.timestamp for one in found] == [BEGIN, BEGIN + 15, BEGIN + 30]
    assert [(one.started, one.swap_used) for one in found[1:]] == 2 * [(BEGIN - 3600, GIB)]


def test_a_host_that_boots_again() -> None:
    bridge, found = Bridge(FORMAT), []
    for number, booted in enumerate((BEGIN - 3600, BEGIN - 3600, BEGIN + 100)):
        time = BEGIN + 60.0 * number
        found += bridge.feed([*host(MEMORY, time), event("boot_time", booted, HOST, time)], time)
    found += bridge.silent()
    assert [one.started for one in found] == [BEGIN - 3600, BEGIN - 3600, BEGIN + 100]


def test_a_tag_of_the_node_names_the_host_in_kubernetes() -> None:
    tags = {**HOST, "host": "vector-x2x4z", "node": "node-a", "cluster": "east"}
    (one,) = snapshots(FORMAT, host(MEMORY, tags=tags))
    assert (one.service, one.instance, one.environment) == ("host/node-a", "east/node-a", "east")


def test_a_process() -> None:
    assert snapshots(FORMAT, process(70 * MIB)) == [
        Snapshot(
            service="process/python", instance="process/n1/42", timestamp=BEGIN, host="n1", scope="process",
            labels={"pid": "42"}, used=70 * MIB,
        )
    ]  # fmt: skip


def test_tags_of_the_pod_of_vector_do_not_name_processes() -> None:
    tags = {**PROCESS, **POD, "node": "node-a", "service_name": "vector"}
    found = snapshots(FORMAT, [*process(70 * MIB, tags=tags), *process(80 * MIB, tags={**tags, "pid": "43"})])
    assert {(one.service, one.instance, one.host, one.used) for one in found} == {
        ("process/python", "process/node-a/42", "node-a", 70 * MIB),
        ("process/python", "process/node-a/43", "node-a", 80 * MIB),
    }


def test_a_host_is_not_told_of_its_processes() -> None:
    bridge, found = Bridge(FORMAT), []
    for number in range(4):
        time = BEGIN + 30.0 * number
        found += bridge.feed([*process(70 * MIB, time), *host(MEMORY, time)], time)
    newest = [one for one in found if one.scope == "host"][-1]
    assert (newest.used, newest.attributed) == (3 * GIB, None)


@pytest.mark.parametrize(
    "text",
    [
        event("cgroup_memory_current_bytes", 5, {"cgroup": "system.slice/a.service", "host": "n1"}),
        event("memory_available_bytes", 5, HOST, namespace="own"),
        event("memory_available_bytes", 5, HOST, namespace=None),
        event("memory_available_bytes", 5, HOST, namespace=""),
        '{"name":"users","kind":"incremental","set":{"values":["bob"]}}',
    ],
)
def test_a_metric_that_nobody_wants_is_counted(text: str) -> None:
    applied = decoded(FORMAT, text.encode())
    assert (applied.outputs, applied.rejected) == ([], [])
    assert applied.counts == {(metrics.UNKNOWN_RECORDS,): 1}


# prometheus_scrape.


def test_a_container_that_is_scraped() -> None:
    cgroup = {**POD, "image": "shop/cart:1.4.2", "instance": "10.0.0.5:10250", "node": "node-a"}
    later = BEGIN + 0.25
    # Only the samples of cAdvisor have times of their own.
    first, second = (
        [
            scraped("container_memory_rss", 60 * MIB, cgroup, BEGIN + after),
            scraped("container_memory_working_set_bytes", 70 * MIB, cgroup, BEGIN + after),
            scraped("container_spec_memory_limit_bytes", 256 * MIB, cgroup, later + after),
        ]
        for after in (0.0, 15.0)
    )
    bridge = Bridge(FORMAT)
    found = bridge.feed(first, BEGIN) + bridge.feed(second, BEGIN + 15) + bridge.silent()
    assert found[1:] == [
        Snapshot(
            service="shop/cart/cart", instance="shop.cart-7d9f8c6b5-x2x4z.cart", timestamp=BEGIN + 15,
            host="node-a", scope="container", version="1.4.2", labels=POD, total=256 * MIB, anon=60 * MIB,
            working_set=70 * MIB, limit=256 * MIB, limit_used=70 * MIB,
        )
    ]  # fmt: skip


def test_node_exporter_needs_the_tag_of_the_instance() -> None:
    name, tags = "node_memory_MemAvailable_bytes", {"instance": "10.0.0.5:9100"}
    (one,) = snapshots(FORMAT, [scraped(name, 600, tags)])
    assert (one.instance, one.available) == ("10.0.0.5", 600)
    assert left_out(decoded(FORMAT, scraped(name, 600, {}).encode())) == {"nameless": 1}


def test_node_exporter_tells_more_than_vector_of_the_same_host() -> None:
    tags = {"instance": "n1:9100"}
    bridge = Bridge(FORMAT)
    names = {"node_memory_MemAvailable_bytes": 5 * GIB, "node_memory_AnonPages_bytes": GIB}
    texts = [scraped(name, value, tags) for name, value in names.items()]
    found = bridge.feed([*texts, *host(MEMORY)], BEGIN) + bridge.silent()
    assert [one.anon for one in found] == [GIB]
    assert bridge.not_assembled == {"second-source": 1}


# What is left out.


def test_what_comes_twice_counts_once() -> None:
    bridge = Bridge(FORMAT)
    found = bridge.feed([GOOD, GOOD], BEGIN) + bridge.silent()
    assert [one.available for one in found] == [600]
    assert bridge.not_assembled == {"repeated": 1}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("600.0", "null", "impossible"),
        ("600.0", "-1.0", "impossible"),
        ("600.0", "1e300", "impossible"),
        ('{"value":600.0}', "{}", "impossible"),
        ('"gauge":{"value":600.0}', '"sketch":{"sketch":{}}', "impossible"),
        ('"gauge":{"value":600.0}', '"gauge":null', "impossible"),
        ('"absolute"', '"incremental"', "delta"),
        ("2023-11-14T22:13:20.500000001Z", "yesterday", "no-time"),
        ('"timestamp":"2023-11-14T22:13:20.500000001Z",', "", "no-time"),
        ('"2023-11-14T22:13:20.500000001Z"', "null", "no-time"),
        (',"host":"n1"', "", "nameless"),
        ('"n1"', "null", "nameless"),
        ('"n1"', "[]", "nameless"),
        ('"tags":{"collector":"memory","host":"n1"},', "", "nameless"),
        ('{"collector":"memory","host":"n1"}', "null", "nameless"),
    ],
)
def test_a_point_that_is_no_memory(old: str, new: str, reason: str) -> None:
    text = GOOD.replace(old, new)
    applied = decoded(FORMAT, text.encode(), GOOD.encode())
    assert text != GOOD
    assert left_out(applied) == {reason: 1}
    assert len(applied.outputs) == 1
    assert not applied.rejected


@pytest.mark.parametrize(("tag", "instance"), [(["n0", None, "n1", None], "n1"), (["n1"], "n1")])
def test_of_several_values_of_a_tag_the_last_one_counts(tag: list[str | None], instance: str) -> None:
    (one,) = snapshots(FORMAT, host(MEMORY, tags={**HOST, "host": tag}))
    assert one.instance == instance


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (GOOD.encode()[:-1], "malformed"),
        (GOOD.encode()[:60], "malformed"),
        (GOOD.encode().replace(b"n1", b"\xff\xfe"), "malformed"),
        (b"host_memory_available_bytes 600", "malformed"),
        (b"[" * 100_000, "invalid"),
        (GOOD.encode()[:-1] + b',"a":' + 100_000 * b"[" + 100_000 * b"]" + b"}", "malformed"),
        (f"[{GOOD}]".encode(), "invalid"),
        (f'{{"metric":{GOOD}}}'.encode(), "invalid"),
        (b'{"host":"n1","message":"a log","timestamp":"2023-11-14T22:13:20Z"}', "invalid"),
        (GOOD.encode().replace(b"600.0", b'"600"'), "invalid"),
        (GOOD.encode().replace(b"600.0", b"true"), "invalid"),
        (GOOD.encode().replace(b'{"value":600.0}', b"600.0"), "invalid"),
        (GOOD.encode().replace(b'"n1"', b"1"), "invalid"),
        (GOOD.encode().replace(b'"n1"', b'{"a":"b"}'), "invalid"),
    ],
)
def test_what_is_no_metric_is_refused(value: bytes, reason: str) -> None:
    assert refused(FORMAT, value) == reason


def test_command_lines_and_unknown_tags_stay_behind() -> None:
    tags = {**PROCESS, "command": "python --token=horse", "password": "horse", "env": ["horse"]}
    bridge = Bridge(FORMAT)
    found = bridge.feed(process(70 * MIB, tags=tags), BEGIN) + bridge.silent()
    assert len(found) == 1
    assert not any(b"horse" in one.key + (one.value or b"") for one in bridge.outputs)


@pytest.mark.parametrize(
    ("old", "new"),
    [("600.0", '"horse"'), ('"n1"', '{"a":"horse"}'), ('"n1"}', '"horse"'), ('"kind"', '"horse"')],
)
def test_a_refusal_quotes_nothing(old: str, new: str) -> None:
    (rejected,) = decoded(FORMAT, GOOD.replace(old, new).encode()).rejected
    assert "horse" not in rejected.message
