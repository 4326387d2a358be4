"""Rebalance: what the callbacks of the consumer do. They only take and give partitions.

A partition can be revoked and assigned again at once. If its committed offsets are where this process left
them, no other process owned it in between: its state is current and needs no restore.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition

from fleetleak.observe import metrics
from fleetleak.stream.assign import flow, hold

log = logging.getLogger(__name__)


class Owner(Protocol):
    """What the callbacks act on."""

    def take(self, numbers: list[int]) -> None:
        """Own these partitions from now on; they are paused until restored."""

    def hand_over(self, numbers: list[int]) -> None:
        """Commit what is applied, then give these partitions up."""

    def lose(self, numbers: list[int]) -> None:
        """Drop these partitions: another process owns them already."""


class Rebalance:
    """Callbacks for `Consumer.subscribe`.

    Parameters
    ----------
    input_topic
        Partitions are owned by their number in this topic; the control topic's come along, because eager
        `range` gives equal numbers of equally partitioned topics to one member.
    """

    def __init__(self, input_topic: str, owner: Owner, incremental: bool) -> None:
        self._input = input_topic
        self._owner = owner
        self._incremental = incremental

    def subscribe(self, consumer: Consumer, topics: list[str]) -> None:
        """Subscribe with these callbacks."""
        consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _numbers(self, partitions: list[TopicPartition]) -> list[int]:
        return sorted(p.partition for p in partitions if p.topic == self._input)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._note("assigned", partitions)
        # Only the restore knows where to begin (`start`).
        hold(consumer, partitions, self._incremental)
        self._owner.take(self._numbers(partitions))

    def start(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Let assigned partitions flow from these offsets; with the classic protocol, all of them."""
        flow(consumer, places, self._incremental)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up("revoked", consumer, partitions, self._owner.hand_over)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up("lost", consumer, partitions, self._owner.lose)

    def _give_up(
        self,
        event: str,
        consumer: Consumer,
        partitions: list[TopicPartition],
        how: Callable[[list[int]], None],
    ) -> None:
        self._note(event, partitions)
        how(self._numbers(partitions))
        if self._incremental:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()

    def _note(self, event: str, partitions: list[TopicPartition]) -> None:
        metrics.REBALANCES.labels(event).inc()
        log.info("partitions %s", event, extra={"partitions": self._numbers(partitions)})
