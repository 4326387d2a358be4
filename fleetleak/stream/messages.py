"""From Kafka's messages to records and errors."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException, Message

from fleetleak.kafka.trouble import denied
from fleetleak.stream.role import Record

log = logging.getLogger(__name__)

_CONNECTION = (
    KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT,
    KafkaError._AUTHENTICATION, KafkaError._SSL,
)  # fmt: skip


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


def judge(error: KafkaError) -> None:
    """Log an error that a consumer returned in place of a record.

    Raises
    ------
    KafkaException
        If the consumer cannot go on.
    """
    if error.fatal() or denied(error):
        raise KafkaException(error)
    # Elsewhere it is logged, once and with its cause, that Kafka is away.
    level = logging.DEBUG if error.code() in _CONNECTION else logging.WARNING
    log.log(level, "consumer: %s", error.str(), extra={"code": error.name()})
