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

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client
from fleetleak.kafka.reach import Reach
from fleetleak.observe import metrics
from fleetleak.settings.tree import Settings
from fleetleak.stream.apply import Applier, Topics
from fleetleak.stream.commit import Committer
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.rebalance import Rebalance
from fleetleak.stream.restore import Restore, Stalled, StateReader
from fleetleak.stream.role import Role
from fleetleak.stream.standing import STAND_BY, Standing
from fleetleak.stream.transaction import Aborted, Transaction
from fleetleak.stream.watchdog import Watchdog

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
# Time-outs of a transaction after Kafka's return, in which what it ended while it was away comes to light.
_LATELY = 6
_CALL_SECONDS = 2.0
# Of the ten seconds that a role has after SIGTERM.
_HAND_OVER_SECONDS = 6.0
# librdkafka's own limit is 1 MB before compression: a larger record could not even become a dead letter.
_LARGEST_DEAD_LETTER = 64 * 2**20


class Runtime:
    """Runs one role until told to stop.

    Parameters
    ----------
    settings
        `kafka` and `runtime` are used.
    role
        What to apply (`fleetleak.stream.role.Role`).
    topics, group
        What it reads and writes, and its consumer group.
    stop
        Set to give up while it is still being made; `run` has one too.

    Raises
    ------
    Fenced, Stalled, Refused
        From `run`: the process must end; the first two are cured by starting it again.
    """

    def __init__(
        self, settings: Settings, role: Role, topics: Topics, group: str, stop: threading.Event | None = None
    ) -> None:
        self._settings = settings.runtime
        self._reach = Reach(settings.kafka)
        self._standing = Standing(self._reach, settings.runtime.session_timeout_seconds)
        self._incremental = settings.kafka.group_protocol == "consumer"
        self._stop = stop or threading.Event()
        self._role = role
        self._topics = topics
        identity = settings.kafka.instance_id or f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        self._consumer = Consumer(_consumer_config(settings, group) | self._reach.properties())
        self._admin = AdminClient(client.common(settings.kafka, **self._reach.quiet_properties()))
        self._watchdog = Watchdog(self._settings.stall_seconds)
        timeout = self._settings.transaction_timeout_seconds
        self._transaction = Transaction(
            lambda number: _producer(settings, f"{group}-{identity}", number, self._reach),
            timeout * 2,
            self._wait_for_kafka,
            lambda: self._reach.returned_within(timeout * _LATELY),
        )
        self._committer = Committer(role, topics.input, topics.control, topics.state, self._transaction)
        self._owned: dict[int, Partition] = {}
        self._applier = Applier(
            role, topics, settings.runtime, self._owned, self._transaction, self._committer, self._pause
        )
        self._reader = (
            StateReader(
                client.consumer(settings.kafka, f"{group}-restore", **self._reach.quiet_properties()),
                topics.state,
            )
            if topics.state
            else None
        )
        self._rebalance = Rebalance(topics.input, self, self._incremental)
        # Revoked, but not yet assigned to anybody: if they come back unchanged, their state is as it was.
        self._kept: dict[int, Partition] = {}
        self._restore: Restore | None = None
        self._metadata: Any = None
        self._topic_id = ""
        self._committed_at = time.monotonic()
        # When the first of the aborts was that no commit has followed; 0 where there is none.
        self._fruitless_since = 0.0

    # What the rebalance callbacks call.

    def take(self, numbers: list[int]) -> None:
        """Own these partitions; they are restored in the loop, between polls."""
        self._standing.assigned()
        for number in numbers:
            kept = self._kept.pop(number) if number in self._kept else None
            self._owned[number] = kept or Partition(number, self._gate(number))
            self._owned[number].phase = Phase.RESTORING
            self._owned[number].owned_since = time.monotonic()
        self._drop_kept()
        metrics.ASSIGNED.set(len(self._owned))
        self._begin_restore()

    def _gate(self, number: int) -> FloodGate:
        # What was seen of a partition's records stays seen when it is only restored.
        if (before := self._owned.get(number)) is not None:
            return before.gate
        return FloodGate(self._settings.dead_letter_least, self._settings.dead_letter_ratio)

    def hand_over(self, numbers: list[int]) -> None:
        """Commit what is applied, checkpoints included, so that the next owner need not replay."""
        try:
            self._commit_all()
        except Aborted as error:
            log.warning("the last transaction before giving up partitions was aborted: %s", error)
        else:
            live = [n for n in numbers if n in self._owned and self._owned[n].phase is Phase.LIVE]
            self._kept = {n: self._owned.pop(n) for n in live}
        self.lose(numbers)

    def lose(self, numbers: list[int]) -> None:
        """Drop the batch and the state of these partitions, but for those kept by `hand_over`."""
        self._forget("lost")
        for number in numbers:
            if self._owned.pop(number, None) is not None:
                self._role.drop(number)
            # Also what is kept: it may be another process's by now.
            metrics.LAG.remove(str(number))
        metrics.ASSIGNED.set(len(self._owned))
        self._restore = None
        if self._owned:
            self._reset()
        else:
            self._standing.left()

    def _drop_kept(self) -> None:
        for number in self._kept:
            self._role.drop(number)
        self._kept = {}

    # The loop.

    def run(self, stop: threading.Event) -> None:
        """Consume, apply and commit until `stop` is set, then hand over and close."""
        self._stop = stop
        metrics.READY.set_function(lambda: self.ready() is None)
        topics = [self._topics.input, *([self._topics.control] if self._topics.control else [])]
        self._rebalance.subscribe(self._consumer, topics)
        self._watchdog.start()
        try:
            while not stop.is_set():
                self._turn()
            self._commit_all()
        except Aborted as error:
            log.warning("the last transaction was aborted; the next owner replays it: %s", error)
        finally:
            self._close()

    def _close(self) -> None:
        # Under the watchdog's eye: closing a client can hang too.
        self._watchdog.feed()
        try:
            self._forget("shutdown")
        finally:
            # The outputs since the last commit are gone: the last revocation must not commit their offsets.
            self._owned.clear()
            self._consumer.close()
            if self._reader is not None:
                self._reader.close()
            self._watchdog.stop()

    def owned(self) -> list[int]:
        """Give the numbers of the partitions owned now."""
        return sorted(self._owned)

    def ready(self) -> str | None:
        """Give None when every owned partition flows, or it stands by, else what is missing."""
        if (wrong := self._standing.wrong()) is not None:
            return wrong
        waiting = {p.number for p in list(self._owned.values()) if p.phase is not Phase.LIVE}
        if not waiting:
            return None
        return self._applier.flood_message() or f"partitions {sorted(waiting)} are being restored"

    def note(self) -> str:
        """Say what it does while it is ready."""
        return "ok" if self._owned else STAND_BY

    def healthy(self) -> str | None:
        """Give None while there is progress, else how long there was none."""
        return self._watchdog.healthy()

    def _turn(self) -> None:
        try:
            self._poll_and_apply()
            if time.monotonic() - self._committed_at >= self._settings.commit_interval_seconds:
                self._commit()
        except Aborted as error:
            log.warning("transaction aborted, restoring: %s", error)
            self._check_progress(error)
            self._reset()
        self._standing.member(self._consumer.memberid() or "", self._incremental)
        self._reach.check()
        self._applier.tell()
        self._watchdog.feed()

    def _wait_for_kafka(self) -> bool:
        """Say whether a call that got no answer is to wait on: Kafka is away, and nobody asks to stop."""
        self._reach.check()
        if self._stop.is_set() or not self._reach.away:
            return False
        self._watchdog.feed()
        return True

    def _check_progress(self, error: Aborted) -> None:
        """End this process when all it has done for too long is to abort: another may fare better."""
        now = time.monotonic()
        if self._reach.away:
            self._fruitless_since = now
        self._fruitless_since = self._fruitless_since or now
        if now - self._fruitless_since > self._settings.stall_seconds:
            raise Stalled(f"nothing but aborted transactions: {error}")

    def _poll_and_apply(self) -> None:
        busy = self._restore is not None
        messages = self._consumer.consume(self._settings.batch_records, 0.0 if busy else _POLL_SECONDS)
        # Taken here, at the poll: see Transaction.begin.
        self._metadata = self._consumer.consumer_group_metadata()
        # Before the restore goes on: what this poll returned of partitions being restored is too early.
        if messages and self._applier.apply(messages, self._metadata):
            self._commit()
        if self._restore is not None and self._reach.away:
            self._restore.hold()
        if self._restore is not None and self._restore.step():
            self._restore = None
            self._go_on_restored()

    def _commit(self) -> None:
        now = time.monotonic()
        share = (now - self._committed_at) / self._settings.checkpoint_interval_seconds
        if self._restore is not None or any(p.phase is Phase.REPLAYING for p in self._owned.values()):
            share = 0.0  # checkpoints can wait: what is not live yet comes first
        if not self._transaction.open:
            if share * self._unsaved() < 1.0:
                return  # what is owed to checkpoints goes on growing
            self._transaction.begin(self._metadata)
        self._committed_at = now
        self._committer.commit(self._owned, share)
        self._fruitless_since = 0.0
        self._tell_lag()

    def _commit_all(self) -> None:
        """Commit with every dirty key, some at a time, as far as the time for a hand-over goes.

        What is not checkpointed by then is replayed by the next owner.
        """
        if self._metadata is None or self._restore is not None:
            self._committer.commit(self._owned, 1.0)
            return
        deadline = time.monotonic() + _HAND_OVER_SECONDS
        while self._transaction.open or self._unsaved():
            self._transaction.begin(self._metadata)
            self._committer.commit(self._owned, 1.0)
            if time.monotonic() > deadline:
                break

    def _unsaved(self) -> int:
        """Count the keys of which a checkpoint would save a replay."""
        if self._topics.state is None:
            return 0
        return sum(len(p.dirty) for p in self._owned.values() if p.phase in (Phase.LIVE, Phase.FLOODED))

    def _tell_lag(self) -> None:
        for number, partition in self._owned.items():
            at = TopicPartition(self._topics.input, number)
            # What the last fetch said: no call to the cluster.
            _, end = self._consumer.get_watermark_offsets(at, cached=True)
            if end >= 0:
                metrics.LAG.labels(str(number)).set(max(0, end - partition.position))

    def _pause(self, number: int) -> None:
        self._consumer.pause([TopicPartition(self._topics.input, number)])

    # Restoring.

    def _begin_restore(self) -> None:
        waiting = [p for p in self._owned.values() if p.phase is Phase.RESTORING]
        if not waiting:
            return
        self._restore = Restore(
            waiting,
            self._role,
            (self._topics.input, self._topics.control, self._topics.state),
            self._admin,
            self._reader,
            lambda wanted: self._consumer.committed(wanted, _CALL_SECONDS),
            self._settings.stall_seconds,
        )

    def _go_on_restored(self) -> None:
        for partition in self._owned.values():
            if self._topic_id not in ("", partition.topic_id):
                # librdkafka (2.16) can deadlock when it goes on with a topic of the same name.
                raise Stalled(f"the input topic {self._topics.input} was recreated")
            self._topic_id = partition.topic_id
        places = []
        for partition in self._owned.values():
            if partition.phase is not Phase.REPLAYING:
                continue
            places.append(TopicPartition(self._topics.input, partition.number, partition.position))
            if (control := self._topics.control) is not None:
                places.append(TopicPartition(control, partition.number, partition.control_position))
        self._rebalance.start(self._consumer, places)
        if self._applier.go_live(self._metadata):
            self._commit()

    def _reset(self) -> None:
        """Drop what was applied since the last commit, by restoring everything that is owned."""
        self._forget("reset")
        numbers = sorted(self._owned)
        topics = [self._topics.input, *([self._topics.control] if self._topics.control else [])]
        self._consumer.pause([TopicPartition(t, n) for t in topics for n in numbers])
        for number in numbers:
            self._role.drop(number)
        self.take(numbers)

    def _forget(self, why: str) -> None:
        """Abort, and forget what waited for a commit."""
        self._transaction.abort(why)
        self._applier.clear()
        self._committer.clear()


def _producer(settings: Settings, identity: str, number: int, reach: Reach) -> Producer:
    """Give the role's producer; one that follows another has a name of its own, and so ends nobody's work."""
    timeout = settings.runtime.transaction_timeout_seconds
    name = identity if number == 0 else f"{identity}-{number}"
    ours = _producer_config(timeout) | client.transactional(settings.kafka, name, timeout)
    return Producer(ours | reach.properties())


def _producer_config(timeout_seconds: float) -> dict[str, Any]:
    return {
        "message.max.bytes": _LARGEST_DEAD_LETTER,
        # librdkafka #5511, #5456: after a broker went, sending offsets can wait, past its time-out, until
        # any connection changes its state. An idle one that is closed is such a change.
        "connections.max.idle.ms": int(timeout_seconds * 500),
    }


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
