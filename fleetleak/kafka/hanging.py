"""Hanging transactions: open on a partition, with no producer left to end them.

They block the read_committed consumers of the partition for good. Kafka 4.3.0 to 4.4.0 leave them behind when
a broker dies (KAFKA-20734, docs/guarantees.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

_CALL_SECONDS = 10.0
_TEMPORARY = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.OFFSET_NOT_AVAILABLE,
)
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Hanging(NamedTuple):
    """Where an open transaction begins: read_committed consumers get nothing from this offset on."""

    topic: str
    partition: int
    start_offset: int

    def cure(self, bootstrap_servers: str) -> str:
        """Return the command of Kafka's own tools that ends it."""
        return (
            f"kafka-transactions.sh --bootstrap-server {bootstrap_servers} abort --topic {self.topic}"
            f" --partition {self.partition} --start-offset {self.start_offset}"
        )


def hanging(
    admin: AdminClient, partitions: Iterable[tuple[str, int]], patience_seconds: float
) -> list[Hanging]:
    """Return the transactions that stay open for `patience_seconds`; without an open one, return at once.

    Parameters
    ----------
    patience_seconds
        Longer than any healthy transaction takes: the transaction timeout of the producers.

    Raises
    ------
    KafkaException
        If the cluster does not answer.
    """
    every = [TopicPartition(*place) for place in partitions]
    ends = _ends(admin, every, IsolationLevel.READ_UNCOMMITTED)
    before = _ends(admin, every, IsolationLevel.READ_COMMITTED)
    suspected = [TopicPartition(*place) for place, stable in before.items() if 0 <= stable < ends[place]]
    if not suspected:
        return []
    time.sleep(patience_seconds)
    after = _ends(admin, suspected, IsolationLevel.READ_COMMITTED)
    return sorted(Hanging(*place, stable) for place, stable in after.items() if stable == before[place])


def _ends(
    admin: AdminClient, partitions: list[TopicPartition], level: IsolationLevel
) -> dict[tuple[str, int], int]:
    """Return the end offset of each partition; wait for a leader that is just being chosen or moved."""
    if not partitions:
        return {}
    deadline = time.monotonic() + _CALL_SECONDS
    while True:
        answers = admin.list_offsets(
            dict.fromkeys(partitions, _LATEST), isolation_level=level, request_timeout=_CALL_SECONDS
        )
        try:
            return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
        except KafkaException as error:
            if error.args[0].code() not in _TEMPORARY or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
