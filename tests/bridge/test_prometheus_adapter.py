"""What prometheus-kafka-adapter writes becomes the snapshots that the same series have elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.observe import metrics
from fleetleak.records import Snapshot
from tests.bridge.support_vector import BEGIN, GIB, MIB, Bridge, decoded, left_out, refused, snapshots
from tests.unit.strategies import REPEATABLE

FORMAT = "prometheus-adapter"
POD = {"namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z", "container": "cart"}
CGROUP = {
    **POD,
    "id": "/kubepods/burstable/pod1/a",
    "image": "registry:5000/shop/cart:1.4.2",
    "instance": "10.0.0.5:10250",
    "job": "kubelet",
    "name": "a",
    "node": "node-a",
}
# Of a Prometheus that does not honor the labels of kube-state-metrics.
STATE = {
    **{f"exported_{name}": value for name, value in POD.items()},
    "namespace": "monitoring",
    "pod": "kube-state-metrics-0",
    "container": "kube-state-metrics",
    "instance": "10.0.0.9:8080",
    "job": "kube-state-metrics",
}
NODE = {"instance": "10.0.0.5:9100", "job": "node", "node": "node-a"}
INSTANCE = "shop.cart-7d9f8c6b5-x2x4z.cart"
RSS = "container_memory_rss"
AVAILABLE = "node_memory_MemAvailable_bytes"
GOOD = (
    '{"labels":{"__name__":"node_memory_MemAvailable_bytes","instance":"n1:9100","job":"node"},'
    '"name":"node_memory_MemAvailable_bytes","timestamp":"2023-11-14T22:13:20Z","value":"600"}'
)


def sample(name: str, labels: Mapping[str, str], value: object, time: float = BEGIN) -> str:
    """Return one record: numbers are texts without an exponent, times have whole seconds."""
    at = datetime.fromtimestamp(int(time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labelled = dict(sorted({"__name__": name, **labels}.items()))
    return json.dumps({"labels": labelled, "name": name, "timestamp": at, "value": str(value)})


def told(
    *samples: tuple[str, Mapping[str, str], object], time: float = BEGIN, bridge: Bridge | None = None
) -> list[Snapshot]:
    """Return the snapshots of samples of one time."""
    texts = [sample(name, labels, value, time) for name, labels, value in samples]
    return snapshots(FORMAT, texts) if bridge is None else bridge.feed(texts, time)


# What is measured.


def test_a_host_as_it_is_written() -> None:
    assert snapshots(FORMAT, [GOOD]) == [
        Snapshot(service="host/n1", instance="n1", timestamp=BEGIN, host="n1", scope="host", available=600)
    ]


def test_a_container_with_what_kube_state_metrics_tells_of_it() -> None:
    one = told(
        ("kube_pod_owner", {**STATE, "owner_kind": "ReplicaSet", "owner_name": "basket-7d9f8c6b5"}, 1),
        ("container_memory_working_set_bytes", CGROUP, 70 * MIB),
        ("container_memory_rss", CGROUP, 60 * MIB),
        ("container_memory_usage_bytes", CGROUP, 90 * MIB),
        ("container_memory_cache", CGROUP, 25 * MIB),
        ("container_memory_swap", CGROUP, 0),
        ("container_start_time_seconds", CGROUP, BEGIN - 3600),
        ("container_cpu_usage_seconds_total", {**CGROUP, "cpu": "total"}, "12.5"),
        ("container_oom_events_total", CGROUP, 2),
        ("kube_pod_container_resource_limits", {**STATE, "resource": "memory", "unit": "byte"}, 256 * MIB),
        ("kube_pod_container_resource_limits", {**STATE, "resource": "cpu", "unit": "core"}, 2),
    )
    assert one == [
        Snapshot(
            service="shop/basket/cart", instance=INSTANCE, timestamp=BEGIN, host="node-a", scope="container",
            version="1.4.2", started=BEGIN - 3600, labels=POD, total=256 * MIB, used=90 * MIB,
            swap_used=0, anon=60 * MIB, file=25 * MIB, working_set=70 * MIB, limit=256 * MIB,
            limit_used=70 * MIB, oom_kills=2, cpu_seconds=12.5,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["0", "9223372036854771712", "+Inf"])
def test_a_container_without_a_limit(value: str) -> None:
    texts = [sample(RSS, CGROUP, 7), sample("container_spec_memory_limit_bytes", CGROUP, value)]
    (one,) = snapshots(FORMAT, texts)
    assert (one.limit, one.total, one.anon) == (None, None, 7)
    assert left_out(decoded(FORMAT, *map(str.encode, texts))) == {}


def test_a_process_that_exports_its_memory() -> None:
    labels = {"instance": "10.0.0.5:8000", "job": "cart", "cluster": "east"}
    assert told(
        ("process_resident_memory_bytes", labels, 7),
        ("process_start_time_seconds", labels, "1699999999.5"),
        ("process_cpu_seconds_total", labels, "2.5"),
    ) == [
        Snapshot(
            service="process/cart", instance="east/cart/10.0.0.5:8000", timestamp=BEGIN, host="10.0.0.5",
            environment="east", started=BEGIN - 0.5, labels={"job": "cart"}, used=7, cpu_seconds=2.5,
        )
    ]  # fmt: skip


def test_a_host_is_told_of_the_containers_on_it() -> None:
    bridge = Bridge(FORMAT)
    total = "node_memory_MemTotal_bytes"
    found = [
        one
        for number in range(4)
        for one in told(
            (RSS, CGROUP, 60 * MIB),
            ("container_spec_memory_limit_bytes", CGROUP, 2 * GIB),
            (AVAILABLE, NODE, GIB),
            (total, NODE, 2 * GIB),
            time=BEGIN + 60.0 * number,
            bridge=bridge,
        )
    ]
    newest = [one for one in found if one.scope == "host"][-1]
    assert (newest.instance, newest.used, newest.attributed) == ("node-a", GIB, 60 * MIB)


def test_a_restart_and_what_ended_the_container() -> None:
    bridge = Bridge(FORMAT)
    reason = "kube_pod_container_status_last_terminated_reason"
    found = []
    for number, restarts in enumerate((0, 0, 1, 1)):
        found += told(
            (RSS, CGROUP, 60 * MIB),
            ("kube_pod_container_status_restarts_total", STATE, restarts),
            (reason, {**STATE, "reason": "OOMKilled"}, restarts),
            time=BEGIN + 60.0 * number,
            bridge=bridge,
        )
    found += bridge.silent()
    at = BEGIN + 120
    assert [(one.started, one.oom_kills) for one in found] == [(None, 0), (None, 0), (at, 1), (at, 1)]


def test_a_leak_of_one_mib_a_minute_passes() -> None:
    bridge = Bridge(FORMAT)
    found = [
        one
        for number in range(200)
        for one in told((RSS, CGROUP, (50 + number) * MIB), time=BEGIN + 60.0 * number, bridge=bridge)
    ]
    found += bridge.silent()
    assert [(one.timestamp, one.anon) for one in found] == [
        (BEGIN + 60.0 * number, (50 + number) * MIB) for number in range(200)
    ]
    assert {(one.service, one.instance) for one in found} == {("shop/cart/cart", INSTANCE)}


SCRAPES = [
    sample(name, CGROUP, (5 + number) * MIB, BEGIN + 5.0 * number)
    for number in range(3)
    for name in (RSS, "container_memory_cache", "container_memory_usage_bytes")
]


@REPEATABLE
@given(st.permutations(SCRAPES))
def test_without_a_key_records_come_in_any_order(texts: list[str]) -> None:
    assert snapshots(FORMAT, texts, BEGIN + 10) == snapshots(FORMAT, SCRAPES, BEGIN + 10)


# What is left out.


def test_what_comes_twice_counts_once() -> None:
    bridge = Bridge(FORMAT)
    found = bridge.feed([GOOD, GOOD], BEGIN) + bridge.silent()
    assert [one.available for one in found] == [600]
    assert bridge.not_assembled == {"repeated": 1}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"600"', '"NaN"', "stale"),
        ('"600"', "null", "stale"),
        ('"600"', '""', "stale"),
        ('"600"', '"+Inf"', "impossible"),
        ('"600"', '"-Inf"', "impossible"),
        ('"600"', '"-1"', "impossible"),
        ('"600"', "1e300", "impossible"),
        ("2023-11-14T22:13:20Z", "1970-01-01T00:00:00Z", "no-time"),
        ("2023-11-14T22:13:20Z", "0001-01-01T00:00:00Z", "no-time"),
        ("2023-11-14T22:13:20Z", "292277026596-12-04T15:30:07Z", "no-time"),
        ("2023-11-14T22:13:20Z", "", "no-time"),
        (',"instance":"n1:9100"', "", "nameless"),
    ],
)
def test_a_point_that_is_no_memory(old: str, new: str, reason: str) -> None:
    applied = decoded(FORMAT, GOOD.replace(old, new).encode(), GOOD.encode())
    assert GOOD.replace(old, new) != GOOD
    assert left_out(applied) == {reason: 1}
    assert len(applied.outputs) == 1
    assert not applied.rejected


def test_a_metric_that_nobody_wants_is_counted() -> None:
    applied = decoded(FORMAT, sample("up", NODE, 1).encode())
    assert (applied.outputs, applied.rejected) == ([], [])
    assert applied.counts == {(metrics.UNKNOWN_RECORDS,): 1}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (GOOD.encode()[:-1], "malformed"),
        (GOOD.encode()[:40], "malformed"),
        (GOOD.encode().replace(b"n1", b"\xff\xfe"), "malformed"),
        (b"\x00\x00\x00\x00\x01Obj", "malformed"),
        (f"[{GOOD}]".encode(), "invalid"),
        (b"null", "invalid"),
        (b"{}", "invalid"),
        (b'{"message":"a log","timestamp":"2023-11-14T22:13:20Z"}', "invalid"),
        (GOOD.encode().replace(b'"600"', b"true"), "invalid"),
        (GOOD.encode().replace(b'"600"', b'{"a":[]}'), "invalid"),
        (GOOD.encode().replace(b'"n1:9100"', b"9100"), "invalid"),
        (GOOD.encode().replace(b'"2023-11-14T22:13:20Z"', b"1700000000"), "invalid"),
        (b"[" * 100_000, "invalid"),
        (b'{"a":' * 100_000, "malformed"),
    ],
)
def test_what_is_no_sample_is_refused(value: bytes, reason: str) -> None:
    assert refused(FORMAT, value) == reason


def test_unknown_labels_stay_behind() -> None:
    secret = "correct horse"
    labels = {**CGROUP, "password": secret, "container_label_env": secret, "cmdline": secret}
    bridge = Bridge(FORMAT)
    found = bridge.feed([sample(RSS, labels, 7), sample(f"{secret}_bytes", labels, 7)], BEGIN)
    found += bridge.silent()
    assert len(found) == 1
    assert not any(secret.encode() in (one.key + (one.value or b"")) for one in bridge.outputs)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"600"', '{"password":"horse"}'),
        ('"n1:9100"', '["horse"]'),
        ('"600"}', '"horse"'),
        ('{"labels"', '"horse"'),
    ],
)
def test_a_refusal_quotes_nothing(old: str, new: str) -> None:
    (rejected,) = decoded(FORMAT, GOOD.replace(old, new).encode()).rejected
    assert "horse" not in rejected.message
