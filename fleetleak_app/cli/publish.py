"""Publishing one record of a command: checked before, and acknowledged by the brokers."""

from __future__ import annotations

import getpass
import os

from confluent_kafka import KafkaError, KafkaException, Producer

from fleetleak.kafka import client
from fleetleak.kafka.topics import MOST_CONTROL_BYTES
from fleetleak.kafka.trouble import Right, raised, sentence
from fleetleak.records import Decoder, Unreadable, encode
from fleetleak.records.control import Control
from fleetleak.settings import Settings
from fleetleak_app.cli import CommandFailed

_TIMEOUT_SECONDS = 8.0


def author() -> str:
    """Return the name of the user; their number if they have no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def written(record: Control) -> bytes:
    """Return a record as JSON, after a check that its words make a readable record.

    Raises
    ------
    CommandFailed
        With the field that is wrong.
    """
    try:
        value = encode(record)
        Decoder(type(record)).decode(value)
    except Unreadable as error:
        raise CommandFailed(f"such a {type(record).__name__} could not be read: {error}") from None
    except ValueError as error:
        raise CommandFailed(str(error)) from None
    if len(value) > MOST_CONTROL_BYTES:
        raise CommandFailed(f"the record has {len(value)} bytes; at most {MOST_CONTROL_BYTES} are taken")
    return value


def publish(settings: Settings, topic: str, key: bytes, value: bytes) -> None:
    """Publish one record and wait until the brokers have it.

    Raises
    ------
    CommandFailed
        If the brokers do not take it.
    """
    errors: list[KafkaError] = []
    producer = Producer(client.producer(settings.kafka, **{"message.max.bytes": 2 * MOST_CONTROL_BYTES}))
    producer.produce(topic, value, key, on_delivery=lambda e, _: errors.append(e) if e else None)
    try:
        left = producer.flush(_TIMEOUT_SECONDS)
    except (KafkaException, SystemError) as error:
        left, errors = 1, [raised(error)]
    if left or errors:
        right = Right("Write", f"topic {topic}")
        why = sentence(errors[0], right, settings.kafka) if errors else "timed out"
        raise CommandFailed(f"the brokers did not take the record: {why}")
