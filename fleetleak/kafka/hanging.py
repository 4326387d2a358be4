"""Transactions that hang: left open on a partition with nobody to end them, they blind its readers for good.

Kafka 4.3.0 to 4.4.0 leave them behind where a broker dies (KAFKA-20734, docs/guarantees.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

_CALL_SECONDS = 10.0
_FOR_MOMENTS = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.OFFSET_NOT_AVAILABLE,
)
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Hanging(NamedTuple):
    """Where an open transaction begins: read_committed readers see nothing from there on."""

    topic: str
    partition: int
    start_offset: int

    def cure(self, bootstrap_servers: str) -> str:
        """Give the command of Kafka's own tools that ends it."""
        return (
            f"kafka-transactions.sh --bootstrap-server {bootstrap_servers} abort --topic {self.topic}"
            f" --partition {self.partition} --start-offset {self.start_offset}"
        )


def hanging(
    admin: AdminClient, partitions: Iterable[tuple[str, int]], patience_seconds: float
) -> list[Hanging]:
    """Give the transactions that stayed open for so long; answers at once where none is open.

    Parameters
    ----------
    patience_seconds
        Longer than any healthy transaction takes: the time-out of those who write there.

    Raises
    ------
    KafkaException
        If the cluster does not say.
    """
    asked = [TopicPartition(*place) for place in partitions]
    ends = _ends(admin, asked, IsolationLevel.READ_UNCOMMITTED)
    before = _ends(admin, asked, IsolationLevel.READ_COMMITTED)
    suspected = [TopicPartition(*place) for place, stable in before.items() if 0 <= stable < ends[place]]
    if not suspected:
        return []
    time.sleep(patience_seconds)
    after = _ends(admin, suspected, IsolationLevel.READ_COMMITTED)
    return sorted(Hanging(*place, stable) for place, stable in after.items() if stable == before[place])


def _ends(
    admin: AdminClient, asked: list[TopicPartition], level: IsolationLevel
) -> dict[tuple[str, int], int]:
    """Give the ends of partitions, waiting for leaders that are just being made or moved."""
    if not asked:
        return {}
    deadline = time.monotonic() + _CALL_SECONDS
    while True:
        answers = admin.list_offsets(
            dict.fromkeys(asked, _LATEST), isolation_level=level, request_timeout=_CALL_SECONDS
        )
        try:
            return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
        except KafkaException as error:
            if error.args[0].code() not in _FOR_MOMENTS or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
