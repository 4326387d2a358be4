"""What a real Collector wrote (tests/collector/recorded) becomes snapshots."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from fleetleak.records import Decoder, Reading, Snapshot
from fleetleak.stream import Record
from producers.bridge.assemble import Assemble
from producers.bridge.decode import Decode
from tests.collector.fixtures import messages

MIB = 2**20
encodings = pytest.mark.parametrize("encoding", ["proto", "json"])


def snapshots(recording: str) -> list[Snapshot]:
    """Return the snapshots of a recording; its last moments are told by silence."""
    decode, assemble, decoder = Decode("otlp", "readings"), Assemble("snapshots", "readings", 15.0, 300.0), []
    inputs = [Record(0, n, key, value, 0.0) for n, (key, value) in enumerate(messages(recording))]
    applied = decode.apply(inputs)
    assert applied.rejected == []
    offsets, waiting = count(), list(applied.outputs)
    while waiting:
        now = max(Decoder(Reading).decode(one.value).time for one in waiting)
        records = [Record(0, next(offsets), one.key, one.value, now, now) for one in waiting]
        # Nobody reads this one: its time is when what is silent is told.
        silence = Record(0, next(offsets), b"", b"{}", now + 400, now + 400)
        outputs = assemble.apply([*records, silence]).outputs
        decoder += [o.value for o in outputs if o.topic == "snapshots"]
        waiting = [o for o in outputs if o.topic == "readings"]
    return [Decoder(Snapshot).decode(value) for value in decoder]


def fields(made: list[Snapshot], *names: str) -> set[tuple[Any, ...]]:
    return {tuple(getattr(one, name) for name in names) for one in made}


@encodings
def test_containers_and_the_node_of_a_kubelet(encoding: str) -> None:
    made = snapshots(f"kubelet_stats-{encoding}")
    containers = [one for one in made if one.scope == "container"]
    assert fields(containers, "service", "instance", "version", "limit", "host") == {
        ("shop/orders/orders", "shop-eu/shop.orders-6d5f7c9b8d-x2x7k.orders", "1.4", 512 * MIB, "node-a"),
        ("shop/orders/proxy", "shop-eu/shop.orders-6d5f7c9b8d-x2x7k.proxy", "1.4", None, "node-a"),
        ("shop/checkout/checkout", "shop-eu/shop.checkout-0.checkout", "1.4", 256 * MIB, "node-a"),
    }
    assert len(containers) == 9
    assert len({one.anon for one in containers}) == 3, "they grow"
    assert {one.total for one in containers if one.limit is None} == {None}
    (started,) = fields(containers, "started")
    assert started[0] is not None
    hosts = [one for one in made if one.scope == "host"]
    assert fields(hosts, "service", "instance", "environment") == {
        ("host/node-a", "shop-eu/node-a", "shop-eu")
    }


@encodings
def test_containers_of_docker(encoding: str) -> None:
    made = snapshots(f"docker_stats-{encoding}")
    assert len(made) == 6
    assert fields(made, "service", "instance", "limit", "file") == {
        ("container/shop/orders", "node-a/shop-orders-1", 512 * MIB, 24 * MIB),
        ("container/shop/checkout", "node-a/shop-checkout-1", 8192 * MIB, 24 * MIB),
    }


@pytest.mark.parametrize("recording", ["proto", "json", "unkeyed"])
def test_a_host(recording: str) -> None:
    made = snapshots(f"host_metrics-{recording}")
    assert len(made) == 3
    (identity,) = fields(made, "service", "instance", "scope", "total", "limit")
    assert identity[:3] == ("host/node-a", "node-a", "host")
    for one in made:
        assert one.total is not None
        assert one.used == one.limit_used == one.total - (one.available or 0)
        assert 0 < (one.slab_unreclaimable or 0) < one.used
    # Each scraper has a time of its own: what the CPU's tells comes a moment after the memory.
    assert {one.started for one in made[1:]} == {made[-1].started}
    assert made[-1].cpu_seconds is not None


@encodings
def test_targets_of_a_prometheus(encoding: str) -> None:
    made = snapshots(f"prometheus-{encoding}")
    containers = [one for one in made if one.scope == "container"]
    (orders,) = fields(containers, "service", "instance", "limit", "version", "started")
    assert orders[:4] == (
        "shop/orders/orders",
        "shop-eu/shop.orders-6d5f7c9b8d-x2x7k.orders",
        512 * MIB,
        "1.4",
    )
    assert len(containers) == 3
    hosts = [one for one in made if one.scope == "host"]
    assert {one.scope for one in made} == {"container", "host"}
    assert len(hosts) == 3
    assert all(one.anon and one.total and one.started for one in hosts)


def test_both_encodings_say_the_same() -> None:
    for recording in ("kubelet_stats", "docker_stats"):
        both = [snapshots(f"{recording}-{encoding}") for encoding in ("proto", "json")]
        same = [fields(made, "service", "instance", "limit", "version", "started") for made in both]
        assert same[0] == same[1]
