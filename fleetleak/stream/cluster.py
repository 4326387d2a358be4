"""What a restore asks the cluster: ids, partition counts and offsets of topics."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from fleetleak.stream.errors import Refused
from fleetleak.stream.positions import by_partition
from fleetleak.stream.role import Topics

_CALL_SECONDS = 10.0
_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Cluster:
    """Answers about the topics of one role. Every question raises KafkaException if there is no answer.

    Parameters
    ----------
    connect
        Returns a new client.
    committed
        Returns the group's committed offsets of topic partitions. It waits until pending transactions are
        decided, and raises KafkaException while one is not.
    """

    def __init__(
        self,
        connect: Callable[[], AdminClient],
        topics: Topics,
        committed: Callable[[list[TopicPartition]], list[TopicPartition]],
    ) -> None:
        self._connect = connect
        self._admin = connect()
        self._topics = topics
        self._committed = committed

    def identify(self) -> tuple[str, int]:
        """Return the input topic's id and its number of partitions.

        Raises
        ------
        Refused
            If the role's topics do not have equally many partitions.
        """
        topics = [*self._topics.read, *([self._topics.state] if self._topics.state else [])]
        answers = self._admin.describe_topics(TopicCollection(topics), request_timeout=_CALL_SECONDS)
        with self._renewed():
            described = {topic: answer.result() for topic, answer in answers.items()}
        counts = {topic: len(description.partitions) for topic, description in described.items()}
        if len(set(counts.values())) > 1:
            raise Refused(
                f"these topics must have equally many partitions, and have {counts}: recreate them so"
            )
        return str(described[self._topics.input].topic_id), counts[self._topics.input]

    def committed(self, numbers: Iterable[int]) -> dict[int, dict[str, int]]:
        """Return the group's stable committed offsets: partition number -> topic -> offset."""
        wanted = [TopicPartition(topic, n) for topic in self._topics.read for n in numbers]
        places = self._committed(wanted)
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
        return by_partition(places)

    def state_ends(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the offset after the newest record of each state partition, decided or not."""
        return self._offsets(str(self._topics.state), numbers, _LATEST)

    def input_ends(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the offset after the newest record of each input partition, decided or not."""
        return self._offsets(self._topics.input, numbers, _LATEST)

    def lows(self, numbers: Iterable[int]) -> dict[int, dict[str, int]]:
        """Return the offset of the oldest record of each input: partition number -> topic -> offset."""
        offsets = {topic: self._offsets(topic, numbers, _EARLIEST) for topic in self._topics.read}
        return {n: {topic: lows[n] for topic, lows in offsets.items()} for n in numbers}

    def _offsets(self, topic: str, numbers: Iterable[int], spec: Any) -> dict[int, int]:
        # read_uncommitted: the end under read_committed can miss records whose transaction is pending.
        asked = {TopicPartition(topic, n): spec for n in numbers}
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_CALL_SECONDS
        )
        with self._renewed():
            offsets = {place.partition: answer.result().offset for place, answer in answers.items()}
        if min(offsets.values(), default=0) < 0:
            # A broker that does not know yet answers with a negative offset. As an end it would mean "empty".
            raise KafkaException(KafkaError(KafkaError.OFFSET_NOT_AVAILABLE, f"{topic}: no offset yet"))
        return offsets

    @contextlib.contextmanager
    def _renewed(self) -> Iterator[None]:
        """Make a new client where one failed.

        It asks by what it remembers: an old epoch, no leader, no broker. Its failures teach it nothing newer.
        """
        try:
            yield
        except KafkaException:
            self._admin = self._connect()
            raise
