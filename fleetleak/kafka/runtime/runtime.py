"""The stateful runtime: one loop, one thread, for the scoring processor and the sinks alike.

It polls, applies, commits; rebalance, restore and commit are each in a file of their own. Whatever goes wrong
between two commits ends the same way: the open transaction is aborted and the state is restored.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from collections import deque
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client
from fleetleak.kafka.runtime import dead_letter
from fleetleak.kafka.runtime.commit import Committer
from fleetleak.kafka.runtime.partition import FloodGate, Partition, Phase
from fleetleak.kafka.runtime.poison import Poison
from fleetleak.kafka.runtime.rebalance import Rebalance
from fleetleak.kafka.runtime.restore import Refused, Restore, StateReader
from fleetleak.kafka.runtime.role import Applied, Key, Record, Rejected, Role
from fleetleak.kafka.runtime.transaction import Aborted, Transaction
from fleetleak.kafka.runtime.watchdog import Watchdog
from fleetleak.observe import metrics
from fleetleak.settings.tree import Settings

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_CALL_SECONDS = 2.0


class Topics(NamedTuple):
    """The topics of one role; `control` and `state` are None for a role without."""

    input: str
    control: str | None
    state: str | None
    dead_letter: str


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
        self._reader = (
            StateReader(client.consumer(settings.kafka, f"{group}-restore"), topics.state)
            if topics.state
            else None
        )
        self._rebalance = Rebalance(topics.input, self, settings.kafka.group_protocol == "consumer")
        self._watchdog = Watchdog(self._settings.stall_seconds)
        self._owned: dict[int, Partition] = {}
        self._restore: Restore | None = None
        self._held: deque[Applied] = deque()
        self._poison = Poison()
        self._metadata: Any = None
        self._committed_at = time.monotonic()
        self._flood_message = ""

    # What the rebalance callbacks call.

    def take(self, numbers: list[int]) -> None:
        """Own these partitions; they are restored in the loop, between polls."""
        for number in numbers:
            gate = FloodGate(self._settings.dead_letter_least, self._settings.dead_letter_ratio)
            self._owned[number] = Partition(number, gate)
        metrics.ASSIGNED.set(len(self._owned))
        self._begin_restore()

    def hand_over(self, numbers: list[int]) -> None:
        """Commit what is applied, checkpoints included, so that the next owner need not replay."""
        try:
            self._commit(everything=True)
        except Aborted as error:
            log.warning("the last transaction before giving up partitions was aborted: %s", error)
        self.lose(numbers)

    def lose(self, numbers: list[int]) -> None:
        """Drop the batch and the state of these partitions."""
        self._transaction.abort("lost")
        self._held.clear()
        for number in numbers:
            if self._owned.pop(number, None) is not None:
                self._role.drop(number)
        metrics.ASSIGNED.set(len(self._owned))
        self._restore = None
        if self._owned:
            self._reset()

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

    def ready(self) -> str | None:
        """Give None when every owned partition flows, else what is missing."""
        if self._metadata is None:
            return "waiting for the consumer group"
        waiting = sorted(p.number for p in list(self._owned.values()) if p.phase is not Phase.LIVE)
        if not waiting:
            return None
        return self._flood_message or f"partitions {waiting} are being restored"

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
        if messages:
            self._apply(messages)

    def _apply(self, messages: list[Message]) -> None:
        records, controls = self._sort(messages)
        self._transaction.begin(self._metadata)
        replayed = [r for r in records if r.offset < self._owned[r.partition].live_from]
        if replayed:
            self._replay(replayed)
            records = [r for r in records if r.offset >= self._owned[r.partition].live_from]
        if records:
            self._publish(self._apply_records(records), records)
        for control in controls:
            self._transaction.begin(self._metadata)
            self._apply_control(control)
        for partition in self._owned.values():
            if partition.phase is Phase.REPLAYING and partition.position >= partition.live_from:
                self._go_live(partition)

    def _sort(self, messages: list[Message]) -> tuple[list[Record], list[Record]]:
        """Split a batch into input and control records."""
        records: list[Record] = []
        controls: list[Record] = []
        for message in messages:
            if (error := message.error()) is not None:
                self._on_error(error)
                continue
            record = Record(
                message.partition() or 0,
                message.offset() or 0,
                message.key(),
                message.value(),
                message.timestamp()[1] / 1000,
            )
            if message.topic() == self._topics.input:
                records.append(record)
            else:
                controls.append(record)
        return records, controls

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            # Our position is gone: retention passed it, or the topic was recreated. Restore finds out which.
            raise Aborted(error.str())
        if error.fatal():
            raise KafkaException(error)
        log.warning("consumer: %s", error.str(), extra={"code": error.name()})

    def _replay(self, records: list[Record]) -> None:
        """Re-apply what was committed before, without publishing, skipping what checkpoints include."""
        fresh = [r for r in records if r.offset > self._owned[r.partition].included.get(r.key or b"", -1)]
        metrics.RECORDS_REPLAYED.inc(len(fresh))
        applied = self._apply_records(fresh) if fresh else Applied()
        self._advance(records, fresh)
        # A transition that was published before is part of its key's checkpoint; one found here was not.
        late = [o for o in applied.outputs if o.transition is not None]
        if late:
            log.warning("transitions found in replay are published now", extra={"count": len(late)})
            self._held.append(Applied(outputs=late))

    def _go_live(self, partition: Partition) -> None:
        partition.phase = Phase.LIVE
        partition.included = {}
        while self._held:
            self._transaction.begin(self._metadata)
            self._publish(self._held.popleft(), [])

    def _apply_records(self, records: list[Record]) -> Applied:
        """Let the role apply records; keep those it cannot take, for whatever reason, apart."""
        usable, rejected = self._poison.sift(records, self._settings.max_record_bytes)
        applied = Applied()
        for batch in self._poison.cut(usable):
            try:
                part = self._role.apply(batch)
            except Exception as error:
                # The role's state is half changed: restore, then go record by record to find the culprit.
                log.exception("a batch could not be applied; looking for the record")
                self._poison.suspect(batch, error)
                raise Aborted(f"applying failed: {error}") from error
            applied.outputs += part.outputs
            applied.rejected += part.rejected
        applied.rejected += rejected
        return applied

    def _publish(self, applied: Applied, records: list[Record]) -> None:
        self._transaction.publish(applied.outputs)
        for rejected in applied.rejected:
            self._dead_letter(self._topics.input, rejected)
        unreadable = {(r.record.partition, r.record.offset) for r in applied.rejected}
        self._advance(records, [r for r in records if (r.partition, r.offset) not in unreadable])
        self._check_flood(records, unreadable)
        metrics.RECORDS_IN.labels(self._topics.input).inc(len(records))
        transitions = {o.transition for o in applied.outputs if o.transition is not None}
        if transitions:
            self._committer.require(transitions)
            self._commit()

    def _advance(self, records: list[Record], changed: list[Record]) -> None:
        for record in changed:
            self._owned[record.partition].dirty.touch(record.key or b"", record.offset)
        for record in records:
            self._owned[record.partition].position = record.offset + 1
        self._committer.touched.update(r.partition for r in records)

    def _apply_control(self, record: Record) -> None:
        partition = self._owned[record.partition]
        if record.offset < partition.control_position:
            return
        key, applied = self._role.control(record)
        partition.control_position = record.offset + 1
        self._committer.touched.add(record.partition)
        for rejected in applied.rejected:
            self._dead_letter(str(self._topics.control), rejected)
        if key is not None:
            partition.note_control(key.name, record.offset)
            # Replay could not reproduce its place in the order, so it is checkpointed where it is applied.
            self._committer.require({key})
        self._transaction.publish(applied.outputs)
        metrics.RECORDS_IN.labels(self._topics.control).inc()

    def _dead_letter(self, topic: str, rejected: Rejected) -> None:
        metrics.DEAD_LETTERS.labels(rejected.reason).inc()
        record = rejected.record
        self._transaction.dead_letter(
            self._topics.dead_letter, record.key, record.value, dead_letter.headers(topic, rejected)
        )

    def _check_flood(self, records: list[Record], unreadable: set[tuple[int, int]]) -> None:
        for number, partition in self._owned.items():
            if partition.gate.clean and not unreadable:
                continue
            flags = [(r.partition, r.offset) in unreadable for r in records if r.partition == number]
            if partition.gate.flooded(flags) and partition.phase is Phase.LIVE:
                partition.phase = Phase.FLOODED
                self._consumer.pause([TopicPartition(self._topics.input, number)])
                metrics.PARTITIONS_PAUSED.inc()
                self._flood_message = (
                    f"partition {number} of {self._topics.input} is paused at offset {partition.position}: most of its"
                    " newest records are unreadable (see the dead-letter topic). Repair the writer or upgrade this"
                    " role, then restart it"
                )
                log.error(self._flood_message)

    def _commit(self, everything: bool = False) -> None:
        now = time.monotonic()
        share = 1.0 if everything else (now - self._committed_at) / self._settings.checkpoint_interval_seconds
        self._committed_at = now
        if everything and self._metadata is not None and self._restore is None:
            if not any(p.dirty for p in self._owned.values()) and not self._transaction.open:
                return
            self._transaction.begin(self._metadata)
        self._committer.commit(self._owned, share)

    # Restoring.

    def _begin_restore(self) -> None:
        waiting = [p for p in self._owned.values() if p.phase is Phase.RESTORING]
        if not waiting:
            return
        metrics.READY.set(0)
        self._restore = Restore(
            waiting, self._role, (self._topics.input, self._topics.control, self._topics.state), self._admin,
            self._reader, lambda wanted: self._consumer.committed(wanted, _CALL_SECONDS), self._settings.stall_seconds,
        )  # fmt: skip

    def _resume_restored(self) -> None:
        for partition in self._owned.values():
            if partition.phase is not Phase.REPLAYING:
                continue
            self._seek(self._topics.input, partition.number, partition.position)
            if self._topics.control is not None:
                self._seek(self._topics.control, partition.number, partition.control_position)
            if partition.position >= partition.live_from:
                self._go_live(partition)

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
        self._held.clear()
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


__all__ = ["Key", "Runtime", "Topics"]
