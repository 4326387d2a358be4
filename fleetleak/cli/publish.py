"""One record from a command to a topic, surely there when it returns."""

from __future__ import annotations

from confluent_kafka import KafkaError, Producer

from fleetleak.cli import CommandFailed
from fleetleak.kafka import client
from fleetleak.kafka.topics import MOST_CONTROL_BYTES
from fleetleak.settings import Settings

_TIMEOUT_SECONDS = 30.0


def publish(settings: Settings, topic: str, key: bytes, value: bytes) -> None:
    """Publish one record and wait until the brokers have it.

    Raises
    ------
    CommandFailed
        If they do not take it.
    """
    errors: list[KafkaError] = []
    if len(value) > MOST_CONTROL_BYTES:
        raise CommandFailed(f"the record has {len(value)} bytes; at most {MOST_CONTROL_BYTES} are taken")
    producer = Producer(client.producer(settings.kafka, **{"message.max.bytes": 2 * MOST_CONTROL_BYTES}))
    producer.produce(topic, value, key, on_delivery=lambda e, _: errors.append(e) if e else None)
    if producer.flush(_TIMEOUT_SECONDS) or errors:
        raise CommandFailed(
            f"the brokers did not take the record: {errors[0].str() if errors else 'timed out'}"
        )
