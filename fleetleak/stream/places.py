"""Where a group without committed offsets begins: at one end of each partition, and it remembers that."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition

from fleetleak.kafka.trouble import denied
from fleetleak.stream.assign import flow, hold

log = logging.getLogger(__name__)

_CALL_SECONDS = 3.0
Start = Literal["earliest", "latest"]


class Places:
    """Lets assigned partitions flow from their committed offsets; without any, it commits a place first.

    Otherwise a process that ends before its first delivery would leave no trace of where it began, and the
    next one would begin at a later end.

    Parameters
    ----------
    incremental
        Whether partitions are assigned one by one (KIP-848).
    start
        `earliest`: a new group delivers what is there; `latest`: what comes from now on.
    """

    def __init__(self, topic: str, incremental: bool, start: Start) -> None:
        self._topic = topic
        self._incremental = incremental
        self._start = start
        self._unplaced: set[int] = set()

    @property
    def open(self) -> bool:
        """Whether partitions wait for their place."""
        return bool(self._unplaced)

    def assigned(self, consumer: Consumer, numbers: Iterable[int]) -> None:
        """Take partitions in the callback: an error of a call that is made there would be lost."""
        hold(consumer, [TopicPartition(self._topic, number) for number in numbers], self._incremental)
        self._unplaced.update(numbers)

    def forget(self, numbers: Iterable[int]) -> None:
        """Give partitions up."""
        self._unplaced.difference_update(numbers)

    def step(self, consumer: Consumer) -> None:
        """Let the partitions that wait flow; if a call fails, they wait for the next step.

        Raises
        ------
        KafkaException
            If a right is missing.
        """
        if not self._unplaced:
            return
        try:
            places = self._find(consumer)
        except KafkaException as error:
            if denied(error.args[0]):
                raise
            log.debug("where to begin is asked again: %s", error.args[0].str())
            return
        # All that are assigned: the classic protocol assigns them together.
        flow(consumer, places, self._incremental)
        self._unplaced.clear()

    def _find(self, consumer: Consumer) -> list[TopicPartition]:
        asked = [TopicPartition(self._topic, number) for number in sorted(self._unplaced)]
        places = consumer.committed(asked, timeout=_CALL_SECONDS)
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
        new = [self._begin(consumer, place.partition) for place in places if place.offset < 0]
        if new:
            consumer.commit(offsets=new, asynchronous=False)
        return [place for place in places if place.offset >= 0] + new

    def _begin(self, consumer: Consumer, number: int) -> TopicPartition:
        place = TopicPartition(self._topic, number)
        low, high = consumer.get_watermark_offsets(place, timeout=_CALL_SECONDS)
        return TopicPartition(self._topic, number, low if self._start == "earliest" else high)
