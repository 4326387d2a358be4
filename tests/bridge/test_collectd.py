"""collectd 5 by its plugin `write_kafka`: from JSON to snapshots."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from fleetleak.records import Snapshot
from tests.bridge.support_collectd import BEGIN, GIB, MIB, Outcome, bridged, of_instance

TOTAL = 8 * GIB
AVAILABLE = 5 * GIB
MEMORY = {
    "used": 2 * GIB,
    "buffered": 256 * MIB,
    "cached": 3 * GIB,
    "free": 2 * GIB,
    "slab_unrecl": 256 * MIB,
    "slab_recl": 512 * MIB,
}


def one(plugin: str, kind: str, value: object, **other: object) -> str:
    """Return one record, as collectd writes it; `other` are further fields, or fields of another value."""
    fields = {
        "values": [value],
        "dstypes": ["gauge"],
        "dsnames": ["value"],
        "time": BEGIN,
        "interval": 10.0,
        "host": "n1",
        "plugin": plugin,
        "plugin_instance": "",
        "type": kind,
        "type_instance": "",
    }
    return json.dumps([fields | other])


def memory(time: float = BEGIN, without: str = "", **changed: int) -> list[str]:
    """Return the records of one reading of the plugin memory."""
    states = {state: value for state, value in (MEMORY | changed).items() if state != without}
    return [one("memory", "memory", value, type_instance=state, time=time) for state, value in states.items()]


def available(time: float = BEGIN, value: int = AVAILABLE) -> str:
    """Return the record that newer versions write beside the others, at a time of its own."""
    return one("memory", "memory", value, type_instance="available", time=time)


def resident(value: object, time: float = BEGIN, name: str = "nginx") -> str:
    """Return a record of the plugin processes."""
    return one("processes", "ps_rss", value, plugin_instance=name, time=time)


def read(*values: str | bytes) -> Outcome:
    """Return what comes of records."""
    return bridged("collectd", values)


HOST = Snapshot(
    service="host/n1",
    instance="n1",
    timestamp=BEGIN,
    host="n1",
    scope="host",
    total=TOTAL,
    used=TOTAL - AVAILABLE,
    available=AVAILABLE,
    free=2 * GIB,
    file=3 * GIB + 256 * MIB,
    slab_reclaimable=512 * MIB,
    slab_unreclaimable=256 * MIB,
    limit=TOTAL,
    limit_used=TOTAL - AVAILABLE,
)


def test_a_host() -> None:
    outcome = read(*memory(), available())
    assert outcome.snapshots == [HOST]
    assert not outcome.left
    assert not outcome.not_assembled


def test_a_record_as_it_is_on_the_wire() -> None:
    text = (
        '[{"values":[2147483648],"dstypes":["gauge"],"dsnames":["value"],"time":1700000000.123,'
        '"interval":10.000,"host":"db-1.example.com","plugin":"memory","plugin_instance":"",'
        '"type":"memory","type_instance":"used","meta":{"network:received":true}}]'
    )
    assert read(text).snapshots == [
        Snapshot(
            service="host/db-1.example.com",
            instance="db-1.example.com",
            timestamp=1_700_000_000.123,
            host="db-1.example.com",
            scope="host",
            used=2 * GIB,
        )
    ]


def test_swap_and_what_is_available_have_times_of_their_own() -> None:
    first = [*memory(), available(BEGIN + 0.001, 5 * GIB)]
    swap = one("swap", "swap", 64 * MIB, type_instance="used", time=BEGIN + 4)
    second = [*memory(BEGIN + 10), available(BEGIN + 10.001, 4 * GIB)]
    before, after = read(*first, swap, *second).snapshots
    assert (before.timestamp, before.available, before.swap_used) == (BEGIN, None, None)
    # What was measured last still holds.
    assert (after.timestamp, after.available, after.swap_used) == (BEGIN + 10, 5 * GIB, 64 * MIB)
    assert after.used == TOTAL - 5 * GIB


def test_without_what_is_available_the_lost_slab_counts_as_used() -> None:
    (snapshot,) = read(*memory()).snapshots
    assert (snapshot.total, snapshot.available) == (TOTAL, None)
    assert snapshot.used == snapshot.limit_used == 2 * GIB + 256 * MIB


def test_a_kernel_that_tells_the_slab_in_one() -> None:
    rest = [record for record in memory() if "slab" not in record]
    (snapshot,) = read(*rest, one("memory", "memory", 768 * MIB, type_instance="slab")).snapshots
    assert (snapshot.total, snapshot.used) == (TOTAL, 2 * GIB)
    assert snapshot.slab_reclaimable is None


@pytest.mark.parametrize("missing", ["buffered", "cached", "free", "slab_recl", "slab_unrecl"])
def test_no_total_while_a_part_of_it_is_missing(missing: str) -> None:
    (snapshot,) = read(*memory(without=missing), available()).snapshots
    assert snapshot.used is not None
    assert (snapshot.total, snapshot.limit, snapshot.limit_used) == (None, None, None)


def test_no_snapshot_without_what_is_used() -> None:
    assert read(*memory(without="used"), available()).snapshots == []


def test_the_swap_of_one_device_is_not_that_of_the_host() -> None:
    devices = [
        one("swap", "swap", 1 * GIB, type_instance="used", plugin_instance=device)
        for device in ("dev_sda2", "dev_sdb2")
    ]
    outcome = read(*devices, *memory(), available())
    assert outcome.snapshots == [HOST]
    assert outcome.unknown == 2


def test_what_is_of_no_use() -> None:
    other = [
        one("memory", "percent", 25.0, type_instance="used"),
        one("virt", "memory", GIB, type_instance="rss", plugin_instance="vm-7"),
        one("swap", "swap_io", 12.5, type_instance="in", dstypes=["derive"]),
        one("cpu", "cpu", 0.5, type_instance="idle", dstypes=["derive"]),
        one("processes", "ps_cputime", 5.0, values=[5.0, 6.0], dsnames=["user", "syst"]),
        one("docker", "memory.usage", GIB, plugin_instance="web", values=[GIB, GIB, GIB]),
        "[]",
    ]
    outcome = read(*other)
    assert outcome.unknown == len(other)
    assert not outcome.written


def test_processes() -> None:
    assert read(resident(300 * MIB)).snapshots == [
        Snapshot(
            service="process/nginx",
            instance="process/n1/nginx",
            timestamp=BEGIN,
            host="n1",
            scope="process",
            used=300 * MIB,
        )
    ]


def test_processes_that_do_not_run_have_no_memory() -> None:
    outcome = read(resident(0))
    assert not outcome.written
    assert not outcome.left


def test_a_host_is_not_told_of_its_processes() -> None:
    # What they share would count for each of them.
    processes = [resident(300 * MIB), resident(300 * MIB, BEGIN + 60)]
    outcome = read(*processes, *memory(BEGIN + 60), available(BEGIN + 60))
    (host,) = of_instance(outcome.snapshots, "n1")
    assert host.attributed is None


def test_two_hosts_and_their_processes_stay_apart() -> None:
    records = [record.replace('"n1"', f'"{host}"') for host in ("n1", "n2") for record in [*memory()]]
    records += [resident(MIB), resident(2 * MIB).replace('"n1"', '"n2"'), resident(3 * MIB, name="php")]
    assert {one.instance: one.used for one in read(*records).snapshots if one.scope == "process"} == {
        "process/n1/nginx": MIB,
        "process/n2/nginx": 2 * MIB,
        "process/n1/php": 3 * MIB,
    }
    assert sum(one.scope == "host" for one in read(*records).snapshots) == 2


def test_duplicates() -> None:
    outcome = read(*memory(), available(), *memory(), available())
    assert outcome.snapshots == [HOST]
    assert outcome.not_assembled == {"repeated": 7}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"values": [None]}, "impossible"),
        ({"values": []}, "impossible"),
        ({"values": ["much"]}, "impossible"),
        ({"values": ["NaN"]}, "impossible"),
        ({"values": ["inf"]}, "impossible"),
        ({"values": [-1]}, "impossible"),
        ({"values": [[1]]}, "impossible"),
        ({"values": [10**400]}, "impossible"),
        ({"time": None}, "no-time"),
        ({"time": 0}, "no-time"),
        ({"time": -5}, "no-time"),
        ({"time": "soon"}, "no-time"),
        ({"time": 1.7e18}, "no-time"),
        ({"host": None}, "nameless"),
        ({"host": ""}, "nameless"),
        ({"host": 7}, "nameless"),
        ({"host": ["n1"]}, "nameless"),
    ],
)
def test_a_wrong_value_costs_no_other(wrong: dict[str, object], reason: str) -> None:
    bad, good = (json.loads(one("memory", "memory", GIB, type_instance="used")) for _ in "ab")
    bad[0] |= wrong
    outcome = read(json.dumps([*bad, *good]))
    assert [snapshot.used for snapshot in outcome.snapshots] == [GIB]
    assert outcome.left == {reason: 1}


@pytest.mark.parametrize("field", ["plugin_instance", "type_instance", "plugin", "type"])
@pytest.mark.parametrize("wrong", [None, 7, ["x"], {"x": 1}])
def test_a_wrong_name_names_nothing(field: str, wrong: object) -> None:
    (fields,) = json.loads(resident(GIB))
    outcome = read(json.dumps([fields | {field: wrong}]))
    assert bool(outcome.snapshots) == (field == "type_instance")
    assert not outcome.refused


@pytest.mark.parametrize("field", ["host", "plugin_instance"])
def test_no_process_without_its_names(field: str) -> None:
    named = {"plugin_instance": "nginx"} | {field: ""}
    outcome = read(one("processes", "ps_rss", GIB, **named))
    assert outcome.left == {"nameless": 1}
    assert not outcome.snapshots


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"\x00\x01" + SECRET.encode(), "malformed"),
        (b'[{"host":"' + SECRET.encode() + b'","values":[1', "malformed"),
        (b'[{"values":[NaN],"host":"' + SECRET.encode() + b'"}]', "malformed"),
        (b'[{"values":[1],"host":"\xff' + SECRET.encode() + b'"}]', "malformed"),
        (b'[{"values":' + b"[" * 100_000, "malformed"),
        (b'[{"meta":' + b'{"a":' * 100_000, "malformed"),
        (b'{"values":[1],"host":"' + SECRET.encode() + b'"}', "invalid"),
        (b'[{"password":"' + SECRET.encode() + b'"}]', "invalid"),
        (b'[{"values":"' + SECRET.encode() + b'"}]', "invalid"),
        (b'["' + SECRET.encode() + b'"]', "invalid"),
        (b"null", "invalid"),
        (b"7", "invalid"),
    ],
)
def test_what_is_none_is_refused_and_not_quoted(value: bytes, reason: str) -> None:
    outcome = read(value)
    assert [why for why, _ in outcome.refused] == [reason]
    assert not outcome.snapshots
    assert SECRET.encode() not in outcome.written


def test_collectd_6_is_refused_by_name() -> None:
    text = (
        '[{"name":"system.memory.usage","type":"GAUGE","metrics":[{"labels":{"state":"used"},'
        '"timestamp_ms":"1592987324125","value":"42"}]}]'
    )
    ((reason, words),) = read(text).refused
    assert reason == "wrong-version"
    assert "collectd 6" in words


def test_nothing_else_of_a_record_is_published() -> None:
    outcome = read(
        one("memory", "memory", GIB, type_instance="used", meta={"password": SECRET}, password=SECRET),
        one("processes", "ps_rss", GIB, plugin_instance="nginx", type_instance=SECRET),
    )
    assert len(outcome.snapshots) == 2
    assert SECRET.encode() not in outcome.written


def test_long_and_odd_names_fit_into_records() -> None:
    outcome = read(resident(GIB, name="x" * 3000), resident(GIB, name="naïve worker/1"))
    odd, long = sorted((snapshot.service for snapshot in outcome.snapshots), key=len)
    assert odd == "process/naïve_worker_1"
    assert len(long) == 256


def _leak(ticks: Iterable[int]) -> list[str]:
    return [
        record
        for tick in ticks
        for record in (
            *memory(BEGIN + 60 * tick, used=2 * GIB + tick * MIB, free=2 * GIB - tick * MIB),
            available(BEGIN + 60 * tick, AVAILABLE - tick * MIB),
            resident(100 * MIB + tick * MIB, BEGIN + 60 * tick),
        )
    ]


def test_a_leak_of_a_mebibyte_a_minute_is_there_to_see() -> None:
    outcome = read(*_leak(range(200)))
    host, process = (of_instance(outcome.snapshots, name) for name in ("n1", "process/n1/nginx"))
    for snapshots, first in ((host, TOTAL - AVAILABLE), (process, 100 * MIB)):
        assert [one.timestamp for one in snapshots] == [BEGIN + 60 * tick for tick in range(200)]
        assert [one.used for one in snapshots] == [first + tick * MIB for tick in range(200)]
    assert {one.total for one in host} == {TOTAL}
