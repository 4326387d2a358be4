"""Answers that a real broker gives only for moments. tests/faults tests the rest with a real one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException

from fleetleak.stream import Topics
from fleetleak.stream.cluster import Cluster


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


def test_a_negative_offset_is_no_answer() -> None:
    admin: Any = Admin(-1001, 7)
    cluster = Cluster(lambda: admin, Topics("snapshots", None, "dead-letter"), lambda wanted: wanted)
    with pytest.raises(KafkaException, match="no offset yet"):
        cluster.input_ends([0])
    assert cluster.input_ends([0]) == {0: 7}
