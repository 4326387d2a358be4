"""Assignment in two steps, on a consumer that starts partitions as late as librdkafka may."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import TopicPartition

from fleetleak.stream.assign import flow, hold


class Slow:
    """Stands in for a Consumer. A call returns before librdkafka has restarted a partition (#5591).

    Attributes
    ----------
    begins
        By partition, the offset that it was assigned at last.
    paused
        The partitions that are paused.
    """

    def __init__(self) -> None:
        self.begins: dict[int, int] = {}
        self.paused: set[int] = set()
        self._restarting: set[int] = set()

    def assign(self, partitions: list[TopicPartition]) -> None:
        before, self.begins = self.begins, {p.partition: p.offset for p in partitions}
        self._restarting.update(set(before) & set(self.begins))

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        assert not self.begins.keys() & {p.partition for p in partitions}
        self.begins |= {p.partition: p.offset for p in partitions}

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            del self.begins[partition.partition]
            self._restarting.add(partition.partition)

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused.update({p.partition for p in partitions} - self._restarting)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused.difference_update({p.partition for p in partitions} - self._restarting)


@pytest.mark.parametrize("incremental", [False, True], ids=["classic", "consumer"])
def test_no_partition_stays_paused_however_late_it_is_restarted(incremental: bool) -> None:
    consumer: Any = Slow()
    hold(consumer, [TopicPartition("t", 0), TopicPartition("t", 1)], incremental)
    assert consumer.paused == {0, 1}
    flow(consumer, [TopicPartition("t", 0, 7), TopicPartition("t", 1, 9)], incremental)
    assert consumer.paused == set()
    assert consumer.begins == {0: 7, 1: 9}
