"""Roles while Kafka is away: they wait, say so once, go on where they were, and are not ready meanwhile."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker, free_port
from fleetleak.records import Decoder, Score, Snapshot, encode
from fleetleak.settings import Settings
from fleetleak.stream.watchdog import EXIT_STALLED
from tests.e2e.support import Role, freeze, running, thaw
from tests.kafka.support import read_all, send, wait_for

pytestmark = pytest.mark.kafka

ROLES = {"processor": ["processor"], "alerting": ["sink", "alerting"], "drift": ["sink", "drift"]}
SHORT = {
    "FLEETLEAK_RUNTIME_SESSION_TIMEOUT_SECONDS": "6",
    "FLEETLEAK_RUNTIME_STALL_SECONDS": "30",
    "FLEETLEAK_RUNTIME_TRANSACTION_TIMEOUT_SECONDS": "5",
}


def settings_of(broker: EmbeddedBroker) -> Settings:
    made = Settings()
    made.kafka.bootstrap_servers = broker.bootstrap_servers
    made.topics.partitions = 2
    return made


def create_topics(settings: Settings) -> None:
    admin = AdminClient(client.common(settings.kafka))
    topics.create(admin, topics.layout(settings.kafka.topic_prefix, settings.topics), 1)


@pytest.fixture
def own() -> Iterator[tuple[EmbeddedBroker, Settings]]:
    """A broker that may be stopped, and settings with topics on it."""
    with EmbeddedBroker(heap_mib=256) as broker:
        settings = settings_of(broker)
        create_topics(settings)
        yield broker, settings


def publish(settings: Settings, ticks: range) -> None:
    begin = time.time() - 86400
    records = [
        Snapshot(service=f"s{n % 20}", instance=f"i{n % 20}", timestamp=begin + n, anon=2**20 * (100 + n % 7))
        for n in ticks
    ]
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(r.service.encode(), encode(r)) for r in records])


def scored(settings: Settings) -> list[float]:
    decode = Decoder(Score).decode
    names = topics.names(settings.kafka.topic_prefix)
    return sorted(decode(value).time for _, _, value in read_all(settings, names.scores))


def messages(role: Role) -> list[str]:
    return [json.loads(line)["message"] for line in role.log().splitlines() if line.startswith("{")]


def told(role: Role, begin: str) -> list[str]:
    return [message for message in messages(role) if message.startswith(begin)]


def kill(broker: EmbeddedBroker) -> None:
    broker.stop()


def revive(broker: EmbeddedBroker) -> None:
    if broker.alive():
        thaw(broker)
    else:
        broker.start()


@pytest.mark.parametrize("away", [kill, freeze])
def test_roles_wait_for_kafka_and_go_on_exactly_once(
    own: tuple[EmbeddedBroker, Settings], tmp_path: Path, away: Callable[[EmbeddedBroker], None]
) -> None:
    broker, settings = own
    with running(settings, tmp_path, ROLES, **SHORT) as roles:
        for role in roles.values():
            role.wait_ready()
        publish(settings, range(4000))
        wait_for(lambda: len(scored(settings)) >= 500, what="scores")
        away(broker)
        for role in roles.values():
            role.wait_told("kafka is away: ")
            wait_for(lambda: role.get("/readyz")[0] == 503, what="unreadiness")  # noqa: B023
            assert "fleetleak_role_ready 0.0" in role.get("/metrics")[1]
        # Longer than a transaction, a session, and the time after which no progress ends a role.
        time.sleep(35)
        for role in roles.values():
            assert role.process.poll() is None, role.log()
            assert role.get("/readyz")[1].startswith("no broker has answered since ")
        revive(broker)
        for role in roles.values():
            role.wait_ready()
        publish(settings, range(4000, 5000))
        wait_for(
            lambda: len(scored(settings)) >= 5000,
            seconds=120,
            what=f"all scores: {roles['processor'].log()}",
        )
        for role in roles.values():
            gone, back = told(role, "kafka is away: "), told(role, "kafka answers again after ")
            # A broker that starts on a busy machine may fall silent once more.
            assert 1 <= len(gone) == len(back) <= 3, role.log()
            assert len(messages(role)) < 60
            # 70 where librdkafka holds a call in the seconds after a broker came back: it is given up later
            # than a role may take to end, and what it held is replayed.
            role.process.send_signal(signal.SIGTERM)
            assert role.process.wait(30) in (0, EXIT_STALLED), role.log()
    scores = scored(settings)
    assert len(scores) == len(set(scores)) == 5000


def test_roles_wait_for_a_kafka_that_starts_later(tmp_path: Path) -> None:
    port = free_port()
    away = Settings()
    away.kafka.bootstrap_servers = f"127.0.0.1:{port}"
    away.topics.partitions = 2
    with running(away, tmp_path, ROLES | {"producer": ["producer"]}) as roles:
        for role in roles.values():
            role.wait_told("kafka is away: ")
            (line,) = told(role, "kafka is away: ")
            assert f"127.0.0.1:{port}: connection refused: check the port" in line
        assert roles["processor"].get("/readyz")[1].startswith(f"waiting for Kafka: 127.0.0.1:{port}: ")
        assert roles["processor"].get("/healthz") == (200, "ok\n")
        assert "; buffering: " in told(roles["producer"], "kafka is away: ")[0]
        assert "snapshots are held, room for about " in told(roles["producer"], "kafka is away: ")[0]
        with EmbeddedBroker(port=port, heap_mib=256) as broker:
            roles["producer"].wait_told("run `fleetleak topics create`")
            for name in ROLES:
                assert roles[name].process.wait(60) == 1
                assert "12 topics are missing: " in roles[name].log()
            create_topics(settings_of(broker))
            roles["producer"].wait_ready()
            assert len(told(roles["producer"], "kafka answers again after ")) == 1
            with running(settings_of(broker), tmp_path, ROLES) as again:
                for role in again.values():
                    role.wait_ready()


def test_more_processes_than_partitions_stand_by(settings: Settings, tmp_path: Path) -> None:
    commands = {f"drift-{n}": ["sink", "drift"] for n in range(3)}
    with running(settings, tmp_path, commands, FLEETLEAK_RUNTIME_SESSION_TIMEOUT_SECONDS="6") as roles:
        stand_by = (200, "stand-by: no partition is assigned to this process\n")
        wait_for(
            lambda: (
                sorted(role.get("/readyz") for role in roles.values()) == [(200, "ok\n")] * 2 + [stand_by]
            ),
            what="one that stands by",
        )
        time.sleep(15)
        assert stand_by in [role.get("/readyz") for role in roles.values()]


@pytest.mark.parametrize(
    ("words", "there", "absent"),
    [
        (["producer"], {"producer", "role"}, {"runtime", "processor", "sink"}),
        (["processor"], {"runtime", "processor", "role"}, {"producer", "sink"}),
        (["sink", "drift"], {"runtime", "sink", "role"}, {"producer", "processor"}),
    ],
)
def test_a_role_serves_its_own_metrics_only(
    settings: Settings, tmp_path: Path, words: list[str], there: set[str], absent: set[str]
) -> None:
    with running(settings, tmp_path, {"role": words}) as roles:
        text = roles["role"].get("/metrics")[1]
    assert all(f"\nfleetleak_{family}_" in text for family in there)
    assert not any(f"fleetleak_{family}_" in text for family in absent)
    assert "process_resident_memory_bytes" in text
