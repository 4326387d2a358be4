"""The broker and the settings of these tests: sessions and transactions of seconds."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker, die_with_parent
from fleetleak.settings import Settings

SESSION_SECONDS = 3.0
LONG = "FAULTS_LONG" in os.environ
only_long = pytest.mark.skipif(not LONG, reason="only in the long run: python -m tests.faults.long")
# Kafka's least session is 6 s, of the consumer protocol 45 s: every kill would cost that much waiting.
_SHORT_SESSIONS = """
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=750
"""


@contextlib.contextmanager
def broker_for_faults(
    say: Callable[[str], None], prepare: Callable[[], None] = lambda: None
) -> Iterator[EmbeddedBroker]:
    """Run a broker that allows short sessions; `prepare` is called in its process before Java starts."""
    with tempfile.TemporaryDirectory(prefix="fleetleak-faults-", ignore_cleanup_errors=True) as directory:

        def before_java() -> None:
            with (Path(directory) / "server.properties").open("a") as properties:
                properties.write(_SHORT_SESSIONS)
            prepare()
            die_with_parent()

        with EmbeddedBroker(directory=directory, say=say, prepare=before_java) as broker:
            yield broker


def settings_for_faults(bootstrap_servers: str, partitions: int = 2) -> Settings:
    """Return settings under a prefix of their own, with the topics created."""
    made = Settings()
    made.kafka.bootstrap_servers = bootstrap_servers
    made.kafka.topic_prefix = f"f{uuid.uuid4().hex[:10]}"
    made.topics.partitions = partitions
    made.runtime.commit_interval_seconds = 0.2
    made.runtime.checkpoint_interval_seconds = 3.0
    made.runtime.session_timeout_seconds = SESSION_SECONDS
    made.runtime.transaction_timeout_seconds = 4.0
    admin = AdminClient(client.common(made.kafka))
    topics.create(admin, topics.layout(made.kafka.topic_prefix, made.topics), 1)
    return made
