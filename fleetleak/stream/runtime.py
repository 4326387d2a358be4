"""The stateful runtime: one loop, in one thread, for every stateful role.

It polls, applies, commits. Apply, rebalance, restore and commit are each in a file of their own. Whatever
goes wrong between two commits ends in the same way: the transaction is aborted, and the state is restored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import TopicPartition

from fleetleak.kafka.reach import Reach
from fleetleak.settings.tree import Settings
from fleetleak.stream.apply import Applier
from fleetleak.stream.clients import Clients, Makers
from fleetleak.stream.cluster import Cluster
from fleetleak.stream.commit import Committer
from fleetleak.stream.errors import Aborted, Stalled
from fleetleak.stream.ownership import Ownership
from fleetleak.stream.pace import Pace
from fleetleak.stream.rebalance import Rebalance
from fleetleak.stream.restore import Restore
from fleetleak.stream.role import Role, Topics
from fleetleak.stream.standing import STAND_BY, Standing
from fleetleak.stream.watchdog import Watchdog

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
# Transaction timeouts after Kafka's return in which transactions that ended while it was away are noticed.
_LATELY = 6
_CALL_SECONDS = 2.0
# Of the ten seconds that a role has after SIGTERM.
_HAND_OVER_SECONDS = 6.0
# Records of others can have thousands of points each.
_MOST_FOREIGN_RECORDS = 50


class Runtime:
    """Runs one role until told to stop.

    Parameters
    ----------
    settings
        `kafka` and `runtime` are used.
    role
        What to apply (`fleetleak.stream.Role`).
    topics, group
        What it reads and writes, and its consumer group.
    stop
        Set to give up while it is still being made; `run` has one too.
    makers
        The classes of Kafka's clients.
    clock
        Monotonic seconds.

    Raises
    ------
    Fenced, Stalled, Refused
        From `run`: the process must end; the first two are cured by a new start.
    """

    def __init__(
        self,
        settings: Settings,
        role: Role,
        topics: Topics,
        group: str,
        stop: threading.Event | None = None,
        makers: Makers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings.runtime
        self._role = role
        self._topics = topics
        most = _MOST_FOREIGN_RECORDS if topics.foreign else settings.runtime.batch_records
        self._batch_records = min(most, settings.runtime.batch_records)
        self._clock = clock
        self._stop = stop or threading.Event()
        self._incremental = settings.kafka.group_protocol == "consumer"
        self._reach = Reach(settings.kafka)
        self._standing = Standing(self._reach, settings.runtime.session_timeout_seconds)
        self._watchdog = Watchdog(self._settings.stall_seconds)
        clients = Clients(settings, group, self._reach, makers or Makers())
        self._consumer = clients.consumer()
        self._cluster = Cluster(
            clients.admin, topics, lambda wanted: self._consumer.committed(wanted, _CALL_SECONDS)
        )
        lately_seconds = _LATELY * self._settings.transaction_timeout_seconds
        self._transaction = clients.transaction(
            self._wait_for_kafka, lambda: self._reach.returned_within(lately_seconds)
        )
        self._committer = Committer(role, topics, self._transaction)
        self._partitions = Ownership(role, topics, self._settings, clock)
        self._applier = Applier(
            role, topics, self._settings, self._partitions.owned,
            self._transaction, self._committer, self._pause, clock,
        )  # fmt: skip
        self._reader = clients.state_reader(topics.state) if topics.state else None
        self._rebalance = Rebalance(topics.input, self, self._incremental)
        self._restore: Restore | None = None
        self._metadata: Any = None
        self._topic_id = ""
        self._pace = Pace(self._settings, lambda: self._reach.away, clock)

    # What the rebalance callbacks call.

    def take(self, numbers: list[int]) -> None:
        """Own these partitions; they are restored in the loop, between polls."""
        self._standing.assigned()
        self._partitions.take(numbers)
        self._begin_restore()

    def hand_over(self, numbers: list[int]) -> None:
        """Commit what is applied, checkpoints included, so that the next owner has nothing to replay."""
        try:
            self._commit_all()
        except Aborted as error:
            log.warning("the last transaction before giving up partitions was aborted: %s", error)
        else:
            self._partitions.keep(numbers)
        self.lose(numbers)

    def lose(self, numbers: list[int]) -> None:
        """Drop the batch and the state of these partitions, except those that `hand_over` keeps."""
        self._forget("lost")
        self._partitions.lose(numbers)
        self._restore = None
        if self._partitions.owned:
            self._reset()
        else:
            self._standing.left()

    # The loop.

    def run(self, stop: threading.Event) -> None:
        """Consume, apply and commit until `stop` is set, then hand over and close."""
        self._stop = stop
        self._rebalance.subscribe(self._consumer, self._topics.read)
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
        # The watchdog still runs: closing a client can hang too.
        self._watchdog.feed()
        try:
            self._forget("shutdown")
        finally:
            # The outputs since the last commit are gone: the last revocation must not commit their offsets.
            self._partitions.clear()
            self._consumer.close()
            if self._reader is not None:
                self._reader.close()
            self._watchdog.stop()

    def owned(self) -> list[int]:
        """Return the numbers of the partitions owned now."""
        return sorted(self._partitions.owned)

    def ready(self) -> str | None:
        """Return None if every owned partition is live, or if it stands by; else what is missing."""
        if (wrong := self._standing.wrong()) is not None:
            return wrong
        waiting = self._partitions.not_live()
        if not waiting:
            return None
        return self._applier.flood_message() or f"partitions {waiting} are being restored"

    def note(self) -> str:
        """Return what it does while it is ready."""
        return "ok" if self._partitions.owned else STAND_BY

    def healthy(self) -> str | None:
        """Return None while there is progress, else for how long there was none."""
        return self._watchdog.healthy()

    def _turn(self) -> None:
        try:
            self._poll_and_apply()
            if self._pace.due:
                self._commit()
        except Aborted as error:
            log.warning("transaction aborted, restoring: %s", error)
            self._pace.aborted(error)
            self._reset()
        self._standing.member(self._consumer.memberid() or "", self._incremental)
        self._reach.check()
        self._applier.tell()
        self._watchdog.feed()

    def _wait_for_kafka(self) -> bool:
        """Return whether to repeat a call that got no answer: Kafka is away, and `stop` is not set."""
        self._reach.check()
        if self._stop.is_set() or not self._reach.away:
            return False
        self._watchdog.feed()
        return True

    def _poll_and_apply(self) -> None:
        busy = self._restore is not None
        messages = self._consumer.consume(self._batch_records, 0.0 if busy else _POLL_SECONDS)
        # Taken here, at the poll: see Transaction.begin.
        self._metadata = self._consumer.consumer_group_metadata()
        # Before the restore goes on: what this poll returned of partitions being restored is too early.
        if messages and self._applier.apply(messages, self._metadata):
            self._commit()
        if self._restore is not None and self._reach.away:
            self._restore.hold()
        if self._restore is not None and self._restore.step():
            self._restore = None
            self._start_restored()

    def _commit(self) -> None:
        # Checkpoints can wait: partitions that are not live yet come first.
        busy = self._restore is not None or bool(self._partitions.replaying())
        share = 0.0 if busy else self._pace.share
        if not self._transaction.open:
            if share * self._unsaved() < 1.0:
                return  # not enough dirty keys yet; the time since the last commit accumulates
            self._transaction.begin(self._metadata)
        self._pace.commits()
        self._committer.commit(self._partitions.owned, share)
        self._pace.committed()
        self._partitions.show_lag(self._end_of)

    def _commit_all(self) -> None:
        """Commit and checkpoint every dirty key, some at a time, until the time for a hand-over is used up.

        The next owner replays what is not checkpointed by then.
        """
        if self._metadata is None or self._restore is not None:
            self._committer.commit(self._partitions.owned, 1.0)
            return
        deadline = self._clock() + _HAND_OVER_SECONDS
        while self._transaction.open or self._unsaved():
            self._transaction.begin(self._metadata)
            self._committer.commit(self._partitions.owned, 1.0)
            if self._clock() > deadline:
                break

    def _unsaved(self) -> int:
        """Return the number of keys of which a checkpoint would save a replay."""
        return 0 if self._topics.state is None else self._partitions.dirty()

    def _end_of(self, number: int) -> int:
        """Return the input's end offset as of the last fetch, without a call; below 0 if unknown."""
        place = TopicPartition(self._topics.input, number)
        return int(self._consumer.get_watermark_offsets(place, cached=True)[1])

    def _pause(self, number: int) -> None:
        self._consumer.pause([TopicPartition(self._topics.input, number)])

    # Restoring.

    def _begin_restore(self) -> None:
        if waiting := self._partitions.restoring():
            self._restore = Restore(
                waiting, self._role, self._cluster, self._reader, self._settings.stall_seconds, self._clock
            )

    def _start_restored(self) -> None:
        for partition in self._partitions.owned.values():
            if self._topic_id not in ("", partition.positions.topic_id):
                # librdkafka (2.16) can deadlock if it continues with a new topic of the same name.
                raise Stalled(f"the input topic {self._topics.input} was recreated")
            self._topic_id = partition.positions.topic_id
        places = [place for p in self._partitions.replaying() for place in p.positions.places()]
        self._rebalance.start(self._consumer, places)
        if self._applier.go_live(self._metadata):
            self._commit()

    def _reset(self) -> None:
        """Drop what was applied since the last commit, by restoring everything that is owned."""
        self._forget("reset")
        numbers = self.owned()
        self._consumer.pause([TopicPartition(t, n) for t in self._topics.read for n in numbers])
        self._partitions.reset()
        self._begin_restore()

    def _forget(self, why: str) -> None:
        """Abort, and forget what waited for a commit."""
        self._transaction.abort(why)
        self._applier.clear()
        self._committer.clear()
