"""End offsets of topics, and committed offsets of groups, by partition."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from fleetleak.kafka import client
from fleetleak.settings.tree import KafkaSettings

_TIMEOUT_SECONDS = 30.0
_NO_LEADER_YET = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Group:
    """A consumer group whose offsets are read, without joining it.

    They are not read with the admin client: librdkafka (2.16) crashes there when the answer has to wait for
    an open transaction.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def committed(self, topic: str, partitions: int) -> dict[int, int]:
        """Return the committed offset of each partition, or 0; empty if the group cannot answer now."""
        every = [TopicPartition(topic, n) for n in range(partitions)]
        try:
            committed = self._consumer.committed(every, _TIMEOUT_SECONDS)
        except KafkaException as error:
            # The coordinator of a new group may not be there yet, or may have moved.
            if not (error.args[0].retriable() or error.args[0].code() == KafkaError.NOT_COORDINATOR):
                raise
            return {}
        return {at.partition: max(at.offset, 0) for at in committed}


@contextlib.contextmanager
def watched(kafka: KafkaSettings, name: str) -> Iterator[Group]:
    """Yield the group with this name."""
    consumer = Consumer(client.consumer(kafka, name))
    try:
        yield Group(consumer)
    finally:
        consumer.close()


def ends(admin: AdminClient, topic: str, partitions: int, visible: bool = False) -> dict[int, int]:
    """Return the end offset of each partition; with `visible`, its last stable offset.

    A partition without a known leader is left out.
    """
    every = {TopicPartition(topic, n): _LATEST for n in range(partitions)}
    level = IsolationLevel.READ_COMMITTED if visible else IsolationLevel.READ_UNCOMMITTED
    answers = admin.list_offsets(every, isolation_level=level, request_timeout=_TIMEOUT_SECONDS)
    offsets = {}
    for at, answer in answers.items():
        try:
            offsets[at.partition] = answer.result().offset
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER_YET:
                raise
    return offsets
