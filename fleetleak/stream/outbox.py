"""What a delivery writes to Kafka: dead letters, and the state of its target."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from fleetleak.stream.dead_letter import LARGEST_BYTES
from fleetleak.stream.lane import Lane

_FULL_SECONDS = 0.1


class Outbox:
    """Produces records for lanes. A lane commits no offset before its records are acknowledged."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._failed: list[KafkaError] = []

    @staticmethod
    def properties() -> dict[str, Any]:
        """Return producer properties that it needs: it waits for the brokers without a time limit."""
        return {"message.timeout.ms": 0, "linger.ms": 5, "message.max.bytes": LARGEST_BYTES}

    def put(self, lane: Lane, topic: str, key: bytes | None, value: bytes | None, **more: Any) -> None:
        """Produce one record; `more` has its `partition` or `headers`."""

        def acknowledged(error: KafkaError | None, _message: object) -> None:
            if error is None:
                lane.acknowledged()
            else:
                self._failed.append(error)

        lane.published()
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, on_delivery=acknowledged, **more)
                return
            except BufferError:
                self._producer.poll(_FULL_SECONDS)

    def __len__(self) -> int:
        """Return how many records are not acknowledged."""
        return len(self._producer)

    def serve(self, seconds: float = 0.0) -> None:
        """Take acknowledgements, and wait so long for the first one.

        Raises
        ------
        KafkaException
            If the brokers refuse a record.
        """
        self._producer.poll(seconds)
        if self._failed:
            raise KafkaException(self._failed[0])

    def flush(self, seconds: float) -> None:
        """Wait at most so long until all are acknowledged."""
        self._producer.flush(seconds)
