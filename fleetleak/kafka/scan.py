"""Reading a whole topic as it is now, for commands that list and report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fleetleak.kafka import client
from fleetleak.kafka.trouble import Right, sentence
from fleetleak.settings.tree import Kafka

_QUIET_SECONDS = 30.0


class Unreadable(RuntimeError):
    """The topic could not be read to its end."""


def scan(kafka: Kafka, topic: str, partitions: int, since: float | None = None) -> Iterator[Message]:
    """Give every committed record of a topic, each partition's in order, up to its end now.

    Parameters
    ----------
    since
        Only what the brokers took after this time, unix seconds.

    Raises
    ------
    Unreadable
        If nothing comes for half a minute, or the cluster says no.
    """
    consumer = Consumer(
        client.consumer(
            kafka, f"{kafka.topic_prefix}-scan-{uuid.uuid4().hex[:8]}", **{"enable.partition.eof": True}
        )
    )
    try:
        places = _places(consumer, topic, partitions, since)
        consumer.assign(places)
        open_ = {place.partition for place in places}
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
                    right = Right("Read", f"topic {topic}")
                    raise Unreadable(f"{topic}: {sentence(error, right, kafka)}")
            if time.monotonic() > deadline:
                raise Unreadable(f"{topic} gave nothing for {_QUIET_SECONDS:.0f} s")
    finally:
        consumer.close()


def _places(consumer: Consumer, topic: str, partitions: int, since: float | None) -> list[TopicPartition]:
    """Give where to begin in each partition; one without records after `since` is left out."""
    if since is None:
        return [TopicPartition(topic, n, 0) for n in range(partitions)]
    asked = [TopicPartition(topic, n, int(since * 1000)) for n in range(partitions)]
    try:
        found = consumer.offsets_for_times(asked, _QUIET_SECONDS)
    except KafkaException as error:
        raise Unreadable(f"{topic}: {error.args[0].str()}") from None
    return [place for place in found if place.offset >= 0]
