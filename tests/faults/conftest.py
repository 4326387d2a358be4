"""A broker of this suite's own: its tests restart it, and need short sessions."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from fleetleak.kafka import topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings
from tests.faults.cluster import broker_for_faults, settings_for_faults


@pytest.fixture(scope="package")
def broker() -> Iterator[EmbeddedBroker]:
    with broker_for_faults(lambda line: print(line, file=sys.stderr)) as running:
        yield running


@pytest.fixture
def settings(broker: EmbeddedBroker) -> Settings:
    """Settings with a topic prefix of the test's own, and its topics created."""
    return settings_for_faults(broker.bootstrap_servers)


@pytest.fixture
def names(settings: Settings) -> topics.Names:
    return topics.names(settings.kafka.topic_prefix)
