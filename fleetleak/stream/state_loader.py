"""What a delivery stored of its partitions, read after each assignment, step by step between polls."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from fleetleak.kafka.trouble import denied
from fleetleak.stream.state_reader import StateReader

log = logging.getLogger(__name__)

_CALL_SECONDS = 5.0


class StateLoader:
    """Reads the partitions that are wanted, all together, to the ends that they have when it begins."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._reader = StateReader(consumer, topic)
        self._wanted: set[int] = set()
        self._reading = False

    def want(self, numbers: Iterable[int]) -> None:
        """Read these partitions too."""
        self._wanted.update(numbers)
        self._reading = False

    def forget(self, numbers: Iterable[int]) -> None:
        """Do not read these partitions any more."""
        self._wanted.difference_update(numbers)
        self._reading = False

    def step(self) -> dict[int, dict[bytes, bytes]]:
        """Go on for a short while; return the newest values by partition once all are read, before that {}.

        Raises
        ------
        Stalled
            If the topic cannot be read.
        KafkaException
            If a right is missing.
        """
        if not self._wanted:
            return {}
        if not self._reading:
            self._begin()
        if not self._reading or not self._reader.step():
            return {}
        values = self._reader.values
        self._reader.finish()
        self._wanted.clear()
        self._reading = False
        return values

    def _begin(self) -> None:
        try:
            self._reader.start({number: self._end(number) for number in self._wanted})
        except KafkaException as error:
            if denied(error.args[0]):
                raise
            log.debug("the end of %s is asked for again: %s", self._topic, error.args[0].str())
            return
        self._reading = True

    def _end(self, number: int) -> int:
        offsets = self._consumer.get_watermark_offsets(
            TopicPartition(self._topic, number), timeout=_CALL_SECONDS
        )
        return int(offsets[1])

    def close(self) -> None:
        """Close the consumer."""
        self._reader.close()
