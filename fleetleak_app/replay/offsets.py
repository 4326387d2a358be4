"""How far topics and groups of a cluster are, by partition."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from fleetleak.kafka import client
from fleetleak.settings.tree import Kafka

_TIMEOUT_SECONDS = 30.0
_NO_LEADER_YET = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Group:
    """A consumer group that is watched, not joined.

    Not through the admin client: librdkafka (2.16) crashes there when the answer has to wait for an open
    transaction.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def committed(self, topic: str, partitions: int) -> dict[int, int]:
        """Give what it has committed; 0 where nothing yet, nothing at all where that is not known now."""
        asked = [TopicPartition(topic, n) for n in range(partitions)]
        try:
            found = self._consumer.committed(asked, _TIMEOUT_SECONDS)
        except KafkaException as error:
            # The coordinator of a group that is new may not be there yet, or have moved.
            if not (error.args[0].retriable() or error.args[0].code() == KafkaError.NOT_COORDINATOR):
                raise
            return {}
        return {at.partition: max(at.offset, 0) for at in found}


@contextlib.contextmanager
def watched(kafka: Kafka, name: str) -> Iterator[Group]:
    """Give a group by its name."""
    consumer = Consumer(client.consumer(kafka, name))
    try:
        yield Group(consumer)
    finally:
        consumer.close()


def ends(admin: AdminClient, topic: str, partitions: int, visible: bool = False) -> dict[int, int]:
    """Give the end of each partition; with `visible` only up to its first open transaction.

    A partition whose leader is not known yet is left out.
    """
    asked = {TopicPartition(topic, n): _LATEST for n in range(partitions)}
    level = IsolationLevel.READ_COMMITTED if visible else IsolationLevel.READ_UNCOMMITTED
    answers = admin.list_offsets(asked, isolation_level=level, request_timeout=_TIMEOUT_SECONDS)
    found = {}
    for at, answer in answers.items():
        try:
            found[at.partition] = answer.result().offset
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER_YET:
                raise
    return found
