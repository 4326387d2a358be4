"""What a real broker answers only for moments; the rest of restoring is tested with one (tests/faults)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException

from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import Partition
from fleetleak.stream.restore import _LATEST, Restore
from tests.kafka.counting import Counting


class Admin:
    """Answers with one offset after another, for every partition asked for."""

    def __init__(self, *offsets: int) -> None:
        self._offsets: Iterator[int] = iter(offsets)

    def list_offsets(self, asked: dict[Any, Any], **_: Any) -> dict[Any, Future[Any]]:
        answers = {}
        for place in asked:
            answers[place] = Future[Any]()
            answers[place].set_result(SimpleNamespace(offset=next(self._offsets)))
        return answers


def test_no_offset_is_asked_for_again() -> None:
    admin: Any = Admin(-1001, 7)
    partition = Partition(0, FloodGate(10, 0.5))
    topics = ("snapshots", None, None)
    restore = Restore([partition], Counting("scores"), topics, admin, None, lambda wanted: wanted, 1.0)
    with pytest.raises(KafkaException, match="no offset yet"):
        restore._offsets("snapshots", _LATEST)
    assert restore._offsets("snapshots", _LATEST) == {0: 7}
