"""From Kafka's messages to records."""

from __future__ import annotations

from confluent_kafka import Message

from fleetleak.stream.role import Record


def record_of(message: Message) -> Record:
    """Return the record of a message that is no error."""
    return Record(
        message.partition() or 0,
        message.offset() or 0,
        message.key(),
        message.value(),
        message.timestamp()[1] / 1000,
        topic=message.topic() or "",
    )
