"""The roles as processes on a real Kafka: from this host's memory to scores, and what bad input does."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.records import Alert, Decoder, Drift, Score, Snapshot, encode
from fleetleak.settings import Settings
from fleetleak.stream import dead_letter
from tests.e2e.support import running
from tests.kafka.support import read_all, send, wait_for

pytestmark = pytest.mark.kafka

ROLES = {"processor": ["processor"], "alerting": ["sink", "alerting"], "drift": ["sink", "drift"]}


def names(settings: Settings) -> topics.Names:
    return topics.names(settings.kafka.topic_prefix)


def snapshot(tick: int, used_mib: float, service: str = "checkout") -> Snapshot:
    used = int(used_mib * 2**20)
    return Snapshot(
        service=service,
        instance=f"{service}-0",
        timestamp=time.time() - 86400 + 30.0 * tick,
        used=used,
        total=2**34,
        anon=used,
        limit=2**30,
        limit_name="memory.max",
        limit_used=used,
    )


def test_this_hosts_memory_is_measured_and_scored(settings: Settings, tmp_path: Path) -> None:
    commands = {"producer": ["producer"], "processor": ["processor"]}
    with running(settings, tmp_path, commands, FLEETLEAK_PRODUCER_INTERVAL_SECONDS="0.5") as roles:
        roles["processor"].wait_ready()
        decode = Decoder(Score).decode

        def scopes() -> set[str]:
            return {decode(value).scope for _, _, value in read_all(settings, names(settings).scores)}

        wait_for(lambda: {"host", "process"} <= scopes(), what="scores of host and processes")
        for role in roles.values():
            assert role.get("/healthz") == (200, "ok\n")
            assert "fleetleak_role_build_info" in role.get("/metrics")[1]
        assert all(role.end() < 10 for role in roles.values())


def test_a_producer_that_kafka_does_not_hear_is_well_but_not_ready(
    settings: Settings, tmp_path: Path
) -> None:
    settings.kafka.bootstrap_servers = "127.0.0.1:1"
    with running(settings, tmp_path, {"producer": ["producer"]}) as roles:
        producer = roles["producer"]
        wait_for(lambda: producer.get("/readyz")[0] == 503, what="unreadiness")
        assert producer.get("/readyz")[1].startswith("no acknowledgement from Kafka since the start at ")
        assert producer.get("/healthz") == (200, "ok\n")


def test_a_leak_becomes_an_alert_and_a_step_a_drift_event(settings: Settings, tmp_path: Path) -> None:
    leak = [snapshot(t, 200 + 2 * t + t % 3) for t in range(200)]
    step = [snapshot(t, 200 + (300 if t > 100 else 0) + t % 3, "stepper") for t in range(200)]
    send(settings, names(settings).snapshots, [(s.service.encode(), encode(s)) for s in leak + step])
    with running(settings, tmp_path, ROLES):
        wait_for(lambda: bool(read_all(settings, names(settings).alerts)), what="an alert")
        wait_for(lambda: bool(read_all(settings, names(settings).drift)), what="a drift event")
    alerts = [Decoder(Alert).decode(value) for _, _, value in read_all(settings, names(settings).alerts)]
    assert {a.service for a in alerts} == {"checkout"}
    assert alerts[0].state == "firing"
    assert alerts[0].forecast is not None
    drifts = [Decoder(Drift).decode(value) for _, _, value in read_all(settings, names(settings).drift)]
    assert "stepper" in {d.service for d in drifts}


def test_bad_input_goes_to_the_dead_letter_untouched(settings: Settings, tmp_path: Path) -> None:
    good = snapshot(1, 100)
    bad: dict[str, bytes] = {
        "malformed": b'{"schema":"snapshot/1","service":',
        "invalid": encode(good).replace(b'"used":104857600', b'"used":-5'),
        "newer-schema": b'{"schema":"snapshot/2","service":"checkout"}',
        "future": encode(snapshot(100_000, 100)),
        "oversized": b"x" * 300_000,
    }
    nan = encode(good).replace(b'"used":104857600', b'"used":NaN')
    records = [*bad.values(), nan, encode(good), encode(good), encode(snapshot(0, 100))]
    send(settings, names(settings).snapshots, [(b"checkout", value) for value in records])
    with running(settings, tmp_path, {"processor": ["processor"]}) as roles:
        wait_for(lambda: len(read_all(settings, names(settings).scores)) == 1, what="the one good score")
        wait_for(lambda: len(dead_letters(settings)) == 6, what="six dead letters")
        metrics = roles["processor"].get("/metrics")[1]
    letters = dead_letters(settings)
    assert {value: origin.reason for origin, value in letters} == {v: k for k, v in bad.items()} | {
        nan: "malformed"
    }
    assert {origin.topic for origin, _ in letters} == {names(settings).snapshots}
    assert sorted(origin.offset for origin, _ in letters) == list(range(6))
    assert 'fleetleak_processor_late_total{reason="duplicate"} 1.0' in metrics
    assert 'fleetleak_processor_late_total{reason="late"} 1.0' in metrics


def dead_letters(settings: Settings) -> list[tuple[dead_letter.Origin, bytes]]:
    reader = Consumer(client.consumer(settings.kafka, "dead", **{"enable.partition.eof": True}))
    try:
        reader.assign([TopicPartition(names(settings).dead_letter, n, 0) for n in range(2)])
        letters, ends = [], 0
        while ends < 2:
            for message in reader.consume(100, 1.0):
                if message.error() is not None:
                    ends += 1
                elif (origin := dead_letter.origin(message.headers())) is not None:  # type: ignore[arg-type]
                    letters.append((origin, message.value() or b""))
        return letters
    finally:
        reader.close()


def test_what_is_measured_while_kafka_is_away_arrives_when_it_returns(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        settings = Settings()
        settings.kafka.bootstrap_servers = broker.bootstrap_servers
        settings.topics.partitions = 2
        wanted = topics.layout(settings.kafka.topic_prefix, settings.topics)
        topics.create(AdminClient(client.common(settings.kafka)), wanted, 1)
        with running(
            settings, tmp_path, {"producer": ["producer"]}, FLEETLEAK_PRODUCER_INTERVAL_SECONDS="0.5"
        ) as roles:
            wait_for(lambda: bool(hosts(settings)), what="the first snapshots")
            broker.stop()
            time.sleep(5)
            broker.start()
            wait_for(lambda: len(hosts(settings)) > 20, what="the buffered snapshots")
            assert roles["producer"].process.poll() is None
        times = hosts(settings)
    assert times == sorted(times)
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) < 1.6, "nothing measured while Kafka was away is missing"


def hosts(settings: Settings) -> list[float]:
    decode = Decoder(Snapshot).decode
    snapshots = [decode(value) for _, _, value in read_all(settings, names(settings).snapshots)]
    return [s.timestamp for s in snapshots if s.scope == "host"]
