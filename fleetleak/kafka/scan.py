"""Reading a whole topic up to its present end, for commands that list and report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fleetleak.kafka import client
from fleetleak.kafka.trouble import Right, sentence
from fleetleak.settings.tree import KafkaSettings

_QUIET_SECONDS = 30.0


class ScanFailed(RuntimeError):
    """The topic could not be read to its end."""


def scan(
    kafka: KafkaSettings,
    topic: str,
    partitions: int,
    since: float | None = None,
    partition: int | None = None,
) -> Iterator[Message]:
    """Yield every committed record of a topic up to its present end; each partition in order.

    Parameters
    ----------
    since
        Only records with an append time after this one, in unix seconds.
    partition
        Only the records of this one.

    Raises
    ------
    ScanFailed
        If no record comes for half a minute, or the cluster refuses.
    """
    consumer = Consumer(
        client.consumer(
            kafka, f"{kafka.topic_prefix}-scan-{uuid.uuid4().hex[:8]}", **{"enable.partition.eof": True}
        )
    )
    try:
        places = _places(consumer, topic, range(partitions) if partition is None else [partition], since)
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
                    raise ScanFailed(f"{topic}: {sentence(error, right, kafka)}")
            if time.monotonic() > deadline:
                raise ScanFailed(f"{topic} sent no record for {_QUIET_SECONDS:.0f} s")
    finally:
        consumer.close()


def _places(
    consumer: Consumer, topic: str, partitions: Iterable[int], since: float | None
) -> list[TopicPartition]:
    """Return where to begin in each partition; leave out partitions without records after `since`."""
    if since is None:
        return [TopicPartition(topic, n, 0) for n in partitions]
    times = [TopicPartition(topic, n, int(since * 1000)) for n in partitions]
    try:
        places = consumer.offsets_for_times(times, _QUIET_SECONDS)
    except KafkaException as error:
        raise ScanFailed(f"{topic}: {error.args[0].str()}") from None
    return [place for place in places if place.offset >= 0]
