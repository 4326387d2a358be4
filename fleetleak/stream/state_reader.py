"""Reading the compacted state of partitions to a given end."""

from __future__ import annotations

import contextlib
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from fleetleak.stream.errors import Stalled

# A step that finds the last record waits until the slice is over.
_SLICE_SECONDS = 0.05
_MOST_RECORDS = 5000
_CONNECT_SECONDS = 1.0


class StateReader:
    """Reads the newest value of every key of some partitions of the state topic.

    A partition is read when the reader's position, not its last message, has reached the end: transactions
    end in control batches, which are never delivered.

    Attributes
    ----------
    received
        Messages read so far; it grows while there is progress.
    values
        By partition, the newest value of every record key.
    """

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._ends: dict[int, int] = {}
        self.received = 0
        self.values: dict[int, dict[bytes, bytes]] = {}

    @staticmethod
    def properties() -> dict[str, Any]:
        """Consumer properties that it needs."""
        return {"enable.partition.eof": True}

    def start(self, ends: dict[int, int]) -> None:
        """Begin at the oldest record of each partition; the values are the end offsets to reach."""
        self.values = {number: {} for number in ends}
        self._ends = {number: end for number, end in ends.items() if end > 0}
        self._connect()
        self._consumer.assign([TopicPartition(self._topic, number, 0) for number in self._ends])

    def _connect(self) -> None:
        """Connect the consumer, if there is a broker: assigned before that, it often begins a second late.

        librdkafka (2.16) looks at the partitions of a client that was idle once a second.
        """
        with contextlib.suppress(KafkaException):
            self._consumer.list_topics(self._topic, timeout=_CONNECT_SECONDS)

    def step(self) -> bool:
        """Read for a twentieth of a second at most; return whether every end is reached.

        Raises
        ------
        Stalled
            If the topic cannot be read.
        """
        if not self._ends:
            return True
        messages = self._consumer.consume(_MOST_RECORDS, _SLICE_SECONDS)
        self.received += len(messages)
        for message in messages:
            self._take(message)
        return not self._ends

    def _take(self, message: Any) -> None:
        number, error = message.partition(), message.error()
        if error is None:
            if (value := message.value()) is None:
                self.values[number].pop(message.key(), None)
            else:
                self.values[number][message.key()] = value
        elif error.code() == KafkaError._PARTITION_EOF:
            # The end of what is decided. It is short of ours only while a transaction is pending.
            if message.offset() >= self._ends.get(number, 0):
                self._ends.pop(number, None)
        elif not error.retriable():
            raise Stalled(f"the state topic {self._topic} cannot be read: {error.str()}")

    def finish(self) -> None:
        """Drop what was read and fetch no more: what is written from now on is this process's own."""
        self.values = {}
        self._consumer.unassign()

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
