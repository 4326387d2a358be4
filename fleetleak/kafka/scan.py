"""Reading a whole topic as it is now, for commands that list and report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from fleetleak.kafka import client
from fleetleak.settings.tree import Kafka

_QUIET_SECONDS = 30.0


class Unreadable(RuntimeError):
    """The topic could not be read to its end."""


def scan(kafka: Kafka, topic: str, partitions: int) -> Iterator[Message]:
    """Give every committed record of a topic, each partition's in order, up to its end now.

    Raises
    ------
    Unreadable
        If nothing comes for half a minute, or the cluster says no.
    """
    consumer = Consumer(
        client.consumer(kafka, f"scan-{uuid.uuid4().hex[:8]}", **{"enable.partition.eof": True})
    )
    try:
        consumer.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
        open_ = set(range(partitions))
        deadline = time.monotonic() + _QUIET_SECONDS
        while open_:
            for message in consumer.consume(5000, 0.2):
                deadline = time.monotonic() + _QUIET_SECONDS
                if (error := message.error()) is None:
                    if message.partition() in open_:
                        yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_.discard(message.partition() or 0)
                elif not error.retriable():
                    raise Unreadable(f"{topic}: {error.str()}")
            if time.monotonic() > deadline:
                raise Unreadable(f"{topic} gave nothing for {_QUIET_SECONDS:.0f} s")
    finally:
        consumer.close()
