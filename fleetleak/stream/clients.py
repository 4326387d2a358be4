"""The Kafka clients of a stateful role: made here, and handed in, so that tests replace them."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client
from fleetleak.kafka.reach import Reach, answers
from fleetleak.settings import Settings
from fleetleak.stream.dead_letter import LARGEST_BYTES
from fleetleak.stream.state_reader import StateReader
from fleetleak.stream.transaction import Transaction

_ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class Makers:
    """The classes of the clients, and of the transaction."""

    consumer: Callable[[dict[str, Any]], Consumer] = Consumer
    state_consumer: Callable[[dict[str, Any]], Consumer] = Consumer
    producer: Callable[[dict[str, Any]], Producer] = Producer
    admin: Callable[[dict[str, Any]], AdminClient] = AdminClient
    transaction: Callable[..., Transaction] = Transaction


class Clients:
    """Makes the clients of one role from the settings."""

    def __init__(self, settings: Settings, group: str, reach: Reach, makers: Makers) -> None:
        self._settings = settings
        self._group = group
        self._reach = reach
        self._makers = makers
        self._identity = settings.kafka.instance_id or f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"

    def consumer(self) -> Consumer:
        """Return the consumer of the role's inputs."""
        ours = consumer_properties(self._settings)
        return self._makers.consumer(
            client.consumer(self._settings.kafka, self._group, **ours) | self._reach.properties()
        )

    def admin(self) -> AdminClient:
        """Return a client for questions about topics."""
        return self._makers.admin(client.common(self._settings.kafka, **self._reach.quiet_properties()))

    def state_reader(self, topic: str) -> StateReader:
        """Return a reader of the state topic."""
        ours = self._reach.quiet_properties() | StateReader.properties()
        properties = client.consumer(self._settings.kafka, f"{self._group}-restore", **ours)
        return StateReader(self._makers.state_consumer(properties), topic)

    def transaction(self, away: Callable[[], bool], lately: Callable[[], bool]) -> Transaction:
        """Return the producing side; see `Transaction`."""
        timeout_seconds = self._settings.runtime.transaction_timeout_seconds
        # Two timeouts a call: the brokers' own comes first, and tells more.
        return self._makers.transaction(self._producer, timeout_seconds * 2, away, lately, self._answers)

    def _answers(self) -> bool:
        return answers(self._settings.kafka, _ANSWER_SECONDS)

    def _producer(self, number: int) -> Producer:
        """Return the n-th producer; each has its own transactional id, and so fences no other."""
        timeout_seconds = self._settings.runtime.transaction_timeout_seconds
        identity = f"{self._group}-{self._identity}"
        name = identity if number == 0 else f"{identity}-{number}"
        ours = client.transactional(self._settings.kafka, name, timeout_seconds)
        return self._makers.producer(_producer_properties(timeout_seconds) | ours | self._reach.properties())


def _producer_properties(timeout_seconds: float) -> dict[str, Any]:
    return {
        "message.max.bytes": LARGEST_BYTES,
        # librdkafka #5511, #5456: after a broker went, sending offsets can wait, beyond its timeout, until
        # any connection changes its state. The close of an idle one is such a change.
        "connections.max.idle.ms": int(timeout_seconds * 1000 / 2),
    }


def consumer_properties(settings: Settings) -> dict[str, Any]:
    """Return the properties of a consumer of inputs, beside those that every client has."""
    # A position that is gone must be noticed, never silently moved.
    ours: dict[str, Any] = {"auto.offset.reset": "error"}
    if settings.kafka.instance_id:
        ours["group.instance.id"] = settings.kafka.instance_id
    if settings.kafka.group_protocol == "consumer":
        return ours | {"group.protocol": "consumer", "group.remote.assignor": "range"}
    session_ms = int(settings.runtime.session_timeout_seconds * 1000)
    return ours | {
        # Cooperative assignors have known bugs with commits. Eager range gives equal partition numbers of
        # equally partitioned topics to one member.
        "partition.assignment.strategy": "range",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": max(100, session_ms // 4),
    }
