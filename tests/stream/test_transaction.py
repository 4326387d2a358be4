"""A call of librdkafka that does not return when its broker goes: the loop sees it, and wakes it."""

from __future__ import annotations

import threading
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fleetleak.stream.transaction import Transaction


class Stuck:
    """A producer in which a commit waits until somebody asks for metadata (librdkafka #5456).

    A real one hangs only if its broker goes in the milliseconds of a commit; tests/e2e/test_outage.py tries.
    """

    def __init__(self) -> None:
        self._connected = threading.Event()
        self.committed = False

    def init_transactions(self, seconds: float) -> None:
        """Do nothing."""

    def begin_transaction(self) -> None:
        """Do nothing."""

    def poll(self, seconds: float) -> int:
        return 0

    def send_offsets_to_transaction(self, offsets: Any, metadata: Any, seconds: float) -> None:
        assert self._connected.wait(30), "nobody asked for metadata"

    def commit_transaction(self, seconds: float) -> None:
        self.committed = True

    def list_topics(self, timeout: float) -> None:
        self._connected.set()
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_a_stuck_commit_is_watched_and_woken() -> None:
    producer, answers = Stuck(), [True]
    transaction = Transaction(lambda number: producer, 5.0, lambda: answers.pop(0), lambda: False)  # type: ignore[arg-type,return-value]
    transaction.begin(None)
    transaction.commit([])
    assert producer.committed
    assert answers == []
