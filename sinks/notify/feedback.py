"""Labels that come back from targets, published on the topic `feedback`."""

from __future__ import annotations

import threading

from confluent_kafka import KafkaException

from fleetleak.kafka import client
from fleetleak.kafka.topics import names
from fleetleak.records import Label, encode
from fleetleak.settings import Settings
from fleetleak.stream.clients import Makers
from sinks.notify.answers.refused import Refused

# Slack waits 3 s for an answer.
_SECONDS = 2.5


class Feedback:
    """Publishes labels; each is acknowledged before the caller goes on. Several threads may use it."""

    def __init__(self, settings: Settings, makers: Makers | None = None) -> None:
        self._topic = names(settings.kafka.topic_prefix, settings.kafka.track).feedback
        self._producer = (makers or Makers()).producer(client.producer(settings.kafka))
        self._lock = threading.Lock()

    def take(self, label: Label) -> None:
        """Publish a label.

        Raises
        ------
        Refused
            With status 503 if the brokers do not have it in time. It may still arrive.
        """
        failed: list[object] = []
        with self._lock:
            try:
                self._producer.produce(
                    self._topic, encode(label), label.service.encode(),
                    on_delivery=lambda error, _: failed.append(error) if error else None,
                )  # fmt: skip
                left = self._producer.flush(_SECONDS)
            except (KafkaException, BufferError) as error:
                left, failed = 1, [error]
        if left or failed:
            why = str(failed[0]) if failed else "no answer in time"
            raise Refused(503, f"Kafka did not take the label: {why}; try again")
