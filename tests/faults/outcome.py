"""The result of a run: its outputs by key, and how much of its input it has not committed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from fleetleak.kafka import client
from fleetleak.settings import Settings

Outputs = dict[tuple[str, int, bytes], list[bytes]]
_LONGEST_SECONDS = 120


def read(settings: Settings, begin: list[TopicPartition]) -> Iterator[Message]:
    """Yield all committed records from these positions on."""
    consumer = Consumer(client.consumer(settings.kafka, "fault-reader", **{"enable.partition.eof": True}))
    left = {(at.topic, at.partition) for at in begin}
    deadline = time.monotonic() + _LONGEST_SECONDS
    try:
        consumer.assign(begin)
        while left:
            assert time.monotonic() < deadline, f"{left} could not be read to the end"
            for message in consumer.consume(10_000, 0.2):
                if message.error() is not None:
                    left.discard((message.topic() or "", message.partition() or 0))
                else:
                    yield message
    finally:
        consumer.close()


def outputs(settings: Settings, topics: Sequence[str]) -> Outputs:
    """Return the values of each key in order, under the topic's name without its prefix."""
    values: Outputs = {}
    every = [TopicPartition(t, n, 0) for t in topics for n in range(settings.topics.partitions)]
    for message in read(settings, every):
        topic = (message.topic() or "").removeprefix(settings.kafka.topic_prefix)
        key = topic, message.partition() or 0, message.key() or b""
        values.setdefault(key, []).append(message.value() or b"")
    return values


def differences(expected: Outputs, actual: Outputs) -> list[str]:
    """Return in words where two runs differ; an empty list if they are the same, byte for byte."""
    texts = []
    for key in sorted(expected.keys() | actual.keys()):
        wanted, got = expected.get(key, []), actual.get(key, [])
        if wanted != got:
            at = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), "the end")
            texts.append(f"{key}: {len(wanted)} records wanted, {len(got)} there, other from {at}")
    return texts


def caught_up(settings: Settings, group: str, topics: Sequence[str]) -> bool:
    """Return whether the group has committed all of these topics."""
    try:
        return unread(settings, group, topics) == 0
    except KafkaException:
        # A coordinator that is just being made, or a broker that restarts.
        return False


def unread(settings: Settings, group: str, topics: Sequence[str]) -> int:
    """Return the number of records that the group has not committed yet."""
    consumer = Consumer(client.consumer(settings.kafka, group))
    every = [TopicPartition(t, n) for t in topics for n in range(settings.topics.partitions)]
    try:
        committed = consumer.committed(every, 30)
        ends = {(at.topic, at.partition): consumer.get_watermark_offsets(at, 30)[1] for at in committed}
    finally:
        consumer.close()
    short = [
        TopicPartition(at.topic, at.partition, max(at.offset, 0))
        for at in committed
        if max(at.offset, 0) < ends[at.topic, at.partition]
    ]
    # A topic written in transactions ends in markers, which are nobody's to commit.
    return sum(1 for _ in read(settings, short))
