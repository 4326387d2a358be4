"""SIGTERM ends a role within ten seconds, also while the broker it was working with does not answer."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.records import Snapshot, encode
from fleetleak.settings import Settings
from tests.e2e.support import Role, freeze, running
from tests.kafka.support import send, wait_for

pytestmark = pytest.mark.kafka

MOST_SECONDS = 10
COMMANDS = {"processor": ["processor"], "alerting": ["sink", "alerting"], "producer": ["producer"]}


@pytest.fixture
def own() -> Iterator[tuple[EmbeddedBroker, Settings]]:
    """A broker that may be stopped, and settings with topics on it."""
    with EmbeddedBroker(heap_mib=256) as broker:
        made = Settings()
        made.kafka.bootstrap_servers = broker.bootstrap_servers
        made.topics.partitions = 2
        admin = AdminClient(client.common(made.kafka))
        topics.create(admin, topics.layout(made.kafka.topic_prefix, made.topics), 1)
        yield broker, made


def kill(broker: EmbeddedBroker) -> None:
    broker.stop()


def send_snapshots(settings: Settings) -> None:
    begin = time.time() - 86400
    records = [
        Snapshot(service=f"s{n % 50}", instance=f"i{n % 50}", timestamp=begin + n, anon=2**20 * (100 + n % 7))
        for n in range(20_000)
    ]
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.snapshots, [(r.service.encode(), encode(r)) for r in records])


def committed(role: Role) -> bool:
    """Return whether a role has committed something, and so is in the middle of its input."""
    lines = role.get("/metrics")[1].splitlines()
    (count,) = [line.split()[1] for line in lines if line.startswith("fleetleak_runtime_commits_total ")]
    return float(count) > 0


@pytest.mark.parametrize("away", [kill, freeze])
def test_roles_end_while_kafka_is_away(
    own: tuple[EmbeddedBroker, Settings], tmp_path: Path, away: Callable[[EmbeddedBroker], None]
) -> None:
    broker, settings = own
    with running(settings, tmp_path, COMMANDS, FLEETLEAK_PRODUCER_INTERVAL_SECONDS="0.5") as roles:
        for role in roles.values():
            role.wait_ready()
        send_snapshots(settings)
        for name in ("processor", "alerting"):
            wait_for(lambda: committed(roles[name]), what=f"work of {name}")  # noqa: B023 - called at once
        away(broker)
        for role in roles.values():
            role.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + MOST_SECONDS
        for role in roles.values():
            # Below 0 it would be the signal that ended it, with no time for anything.
            assert role.process.wait(max(0.0, deadline - time.monotonic())) >= 0
