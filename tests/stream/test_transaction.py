"""A call of librdkafka that does not return when its broker goes: the loop sees it, and gives it up."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from fleetleak.stream import transaction
from fleetleak.stream.errors import Aborted
from fleetleak.stream.transaction import Transaction


class Stuck:
    """A producer whose first transaction never commits (librdkafka #5456, #5511).

    A real one hangs only if its broker goes in the milliseconds of a commit; tests/e2e/test_outage.py tries.
    """

    def __init__(self, released: threading.Event, number: int) -> None:
        self._released, self._number = released, number

    def init_transactions(self, seconds: float) -> None:
        """Do nothing."""

    def begin_transaction(self) -> None:
        """Do nothing."""

    def poll(self, seconds: float) -> int:
        # A client that failed for good.
        raise KafkaException(KafkaError(KafkaError._FATAL))

    def send_offsets_to_transaction(self, offsets: Any, metadata: Any, seconds: float) -> None:
        if self._number == 0:
            self._released.wait()

    def commit_transaction(self, seconds: float) -> None:
        """Do nothing."""


def test_a_stuck_commit_is_given_up_when_kafka_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "_GLANCE_SECONDS", 0.01)
    monkeypatch.setattr(transaction, "_ASK_SECONDS", 0.02)
    released, looks, answers = threading.Event(), [0], [False, True, False, True, True]

    def away() -> bool:
        looks[0] += 1
        return True

    def connect(number: int) -> Any:
        return Stuck(released, number)

    tried = Transaction(connect, 0.01, away, lambda: False, lambda: answers.pop(0))
    tried.begin(None)
    try:
        with pytest.raises(Aborted, match="does not return although Kafka answers"):
            tried.commit([])
        assert answers == [], "it answered twice in a row"
        assert looks[0] > 4
        tried.begin(None)
        tried.commit([])
    finally:
        released.set()
