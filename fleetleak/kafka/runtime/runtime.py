"""The stateful runtime: one loop, one thread, for the scoring processor and the sinks alike.

It polls, applies, commits; apply, rebalance, restore and commit are each in a file of their own. Whatever
goes wrong between two commits ends the same way: the open transaction is aborted, the state restored.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client
from fleetleak.kafka.runtime.apply import Applier, Topics
from fleetleak.kafka.runtime.commit import Committer
from fleetleak.kafka.runtime.flood import FloodGate
from fleetleak.kafka.runtime.partition import Partition, Phase
from fleetleak.kafka.runtime.rebalance import Rebalance
from fleetleak.kafka.runtime.restore import Refused, Restore, StateReader
from fleetleak.kafka.runtime.role import Role
from fleetleak.kafka.runtime.transaction import Aborted, Transaction
from fleetleak.kafka.runtime.watchdog import Watchdog
from fleetleak.observe import metrics
from fleetleak.settings.tree import Settings

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_CALL_SECONDS = 2.0


class Runtime:
    """Runs one role until told to stop.

    Parameters
    ----------
    settings
        `kafka` and `runtime` are used.
    role
        What to apply (`fleetleak.kafka.runtime.role.Role`).
    topics, group
        What it reads and writes, and its consumer group.

    Raises
    ------
    Fenced, Stalled, Refused
        From `run`: the process must end; the first two are cured by starting it again.
    """

    def __init__(self, settings: Settings, role: Role, topics: Topics, group: str) -> None:
        self._settings = settings.runtime
        self._role = role
        self._topics = topics
        identity = settings.kafka.instance_id or f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        self._consumer = Consumer(_consumer_config(settings, group))
        self._admin = AdminClient(client.common(settings.kafka))
        producer = client.transactional(
            settings.kafka, f"{group}-{identity}", self._settings.transaction_timeout_seconds
        )
        self._transaction = Transaction(Producer(producer), self._settings.transaction_timeout_seconds * 2)
        self._committer = Committer(role, topics.input, topics.control, topics.state, self._transaction)
        self._owned: dict[int, Partition] = {}
        self._applier = Applier(
            role, topics, settings.runtime, self._owned, self._transaction, self._committer, self._pause
        )
        self._reader = (
            StateReader(client.consumer(settings.kafka, f"{group}-restore"), topics.state)
            if topics.state
            else None
        )
        self._rebalance = Rebalance(topics.input, self, settings.kafka.group_protocol == "consumer")
        self._watchdog = Watchdog(self._settings.stall_seconds)
        # Revoked, but not yet assigned to anybody: if they come back unchanged, their state is as it was.
        self._kept: dict[int, Partition] = {}
        self._restore: Restore | None = None
        self._metadata: Any = None
        self._committed_at = time.monotonic()

    # What the rebalance callbacks call.

    def take(self, numbers: list[int]) -> None:
        """Own these partitions; they are restored in the loop, between polls."""
        for number in numbers:
            gate = FloodGate(self._settings.dead_letter_least, self._settings.dead_letter_ratio)
            self._owned[number] = self._kept.pop(number) if number in self._kept else Partition(number, gate)
            self._owned[number].phase = Phase.RESTORING
        self._drop_kept()
        metrics.ASSIGNED.set(len(self._owned))
        self._begin_restore()

    def hand_over(self, numbers: list[int]) -> None:
        """Commit what is applied, checkpoints included, so that the next owner need not replay."""
        try:
            self._commit(everything=True)
        except Aborted as error:
            log.warning("the last transaction before giving up partitions was aborted: %s", error)
        else:
            live = [n for n in numbers if n in self._owned and self._owned[n].phase is Phase.LIVE]
            self._kept = {n: self._owned.pop(n) for n in live}
        self.lose(numbers)

    def lose(self, numbers: list[int]) -> None:
        """Drop the batch and the state of these partitions, but for those kept by `hand_over`."""
        self._transaction.abort("lost")
        self._applier.clear()
        for number in numbers:
            if self._owned.pop(number, None) is not None:
                self._role.drop(number)
        metrics.ASSIGNED.set(len(self._owned))
        self._restore = None
        if self._owned:
            self._reset()

    def _drop_kept(self) -> None:
        for number in self._kept:
            self._role.drop(number)
        self._kept = {}

    # The loop.

    def run(self, stop: threading.Event) -> None:
        """Consume, apply and commit until `stop` is set, then hand over and close."""
        topics = [self._topics.input, *([self._topics.control] if self._topics.control else [])]
        self._rebalance.subscribe(self._consumer, topics)
        self._watchdog.start()
        try:
            while not stop.is_set():
                self._turn()
            self._commit(everything=True)
        finally:
            self._watchdog.stop()
            self._transaction.abort("shutdown")
            self._consumer.close()
            if self._reader is not None:
                self._reader.close()

    def owned(self) -> list[int]:
        """Give the numbers of the partitions owned now."""
        return sorted(self._owned)

    def ready(self) -> str | None:
        """Give None when every owned partition flows, else what is missing."""
        if self._metadata is None:
            return "waiting for the consumer group"
        waiting = sorted(p.number for p in list(self._owned.values()) if p.phase is not Phase.LIVE)
        if not waiting:
            return None
        return self._applier.flood_message or f"partitions {waiting} are being restored"

    def _turn(self) -> None:
        try:
            self._poll_and_apply()
            if time.monotonic() - self._committed_at >= self._settings.commit_interval_seconds:
                self._commit()
        except Aborted as error:
            log.warning("transaction aborted, restoring: %s", error)
            self._reset()
        metrics.READY.set(self.ready() is None)
        self._watchdog.feed()

    def _poll_and_apply(self) -> None:
        epoch = self._rebalance.epoch
        busy = self._restore is not None
        messages = self._consumer.consume(self._settings.batch_records, 0.0 if busy else _POLL_SECONDS)
        if self._rebalance.epoch != epoch:
            # Partitions came or went during the poll: what it returned is before the restore.
            return
        # Taken here, at the poll: see Transaction.begin.
        self._metadata = self._consumer.consumer_group_metadata()
        if self._restore is not None and self._restore.step():
            self._restore = None
            self._resume_restored()
        if messages and self._applier.apply(messages, self._metadata):
            self._commit()

    def _commit(self, everything: bool = False) -> None:
        now = time.monotonic()
        share = 1.0 if everything else (now - self._committed_at) / self._settings.checkpoint_interval_seconds
        self._committed_at = now
        if everything and self._metadata is not None and self._restore is None:
            if not any(p.dirty for p in self._owned.values()) and not self._transaction.open:
                return
            self._transaction.begin(self._metadata)
        self._committer.commit(self._owned, share)

    def _pause(self, number: int) -> None:
        self._consumer.pause([TopicPartition(self._topics.input, number)])

    # Restoring.

    def _begin_restore(self) -> None:
        waiting = [p for p in self._owned.values() if p.phase is Phase.RESTORING]
        if not waiting:
            return
        metrics.READY.set(0)
        self._restore = Restore(
            waiting,
            self._role,
            (self._topics.input, self._topics.control, self._topics.state),
            self._admin,
            self._reader,
            lambda wanted: self._consumer.committed(wanted, _CALL_SECONDS),
            self._settings.stall_seconds,
        )

    def _resume_restored(self) -> None:
        for partition in self._owned.values():
            if partition.phase is not Phase.REPLAYING:
                continue
            self._seek(self._topics.input, partition.number, partition.position)
            if self._topics.control is not None:
                self._seek(self._topics.control, partition.number, partition.control_position)
        if self._applier.go_live(self._metadata):
            self._commit()

    def _seek(self, topic: str, number: int, offset: int) -> None:
        at = TopicPartition(topic, number, offset)
        deadline = time.monotonic() + _CALL_SECONDS * 5
        while True:
            try:
                self._consumer.seek(at)
                break
            except KafkaException as error:
                # The assignment is taken over in the background: for a moment there is nothing to seek.
                if error.args[0].code() != KafkaError._STATE or time.monotonic() > deadline:
                    raise Refused(
                        f"cannot seek {topic}[{number}] to {offset}: {error.args[0].str()}"
                    ) from None
                self._consumer.poll(0.01)
        self._consumer.resume([at])

    def _reset(self) -> None:
        """Drop what was applied since the last commit, by restoring everything that is owned."""
        self._transaction.abort("reset")
        self._applier.clear()
        numbers = sorted(self._owned)
        topics = [self._topics.input, *([self._topics.control] if self._topics.control else [])]
        self._consumer.pause([TopicPartition(t, n) for t in topics for n in numbers])
        for number in numbers:
            self._role.drop(number)
        self._committer.clear()
        self.take(numbers)


def _consumer_config(settings: Settings, group: str) -> dict[str, Any]:
    # A position that is gone must be noticed, never silently moved.
    ours: dict[str, Any] = {"auto.offset.reset": "error"}
    if settings.kafka.instance_id:
        ours["group.instance.id"] = settings.kafka.instance_id
    if settings.kafka.group_protocol == "consumer":
        ours |= {"group.protocol": "consumer", "group.remote.assignor": "range"}
    else:
        timeout = int(settings.runtime.session_timeout_seconds * 1000)
        ours |= {
            # Cooperative assignors have known bugs with commits; eager range gives equal partition
            # numbers of equally partitioned topics to one member.
            "partition.assignment.strategy": "range",
            "session.timeout.ms": timeout,
            "heartbeat.interval.ms": max(100, timeout // 4),
        }
    return client.consumer(settings.kafka, group, **ours)


__all__ = ["Runtime", "Topics"]
