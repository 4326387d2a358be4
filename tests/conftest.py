"""One embedded Kafka a session; every test has topics of its own."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(say=lambda line: print(line, file=sys.stderr)) as running:
        yield running


@pytest.fixture
def settings(broker: EmbeddedBroker) -> Settings:
    """Settings with a topic prefix of the test's own, and its topics created."""
    made = Settings()
    made.kafka.bootstrap_servers = broker.bootstrap_servers
    made.kafka.topic_prefix = f"t{uuid.uuid4().hex[:10]}"
    made.topics.partitions = 2
    made.runtime.commit_interval_seconds = 0.05
    made.runtime.checkpoint_interval_seconds = 0.5
    made.runtime.session_timeout_seconds = 6
    admin = AdminClient(client.common(made.kafka))
    topics.create(admin, topics.layout(made.kafka.topic_prefix, made.topics), 1)
    return made
