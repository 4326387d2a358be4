"""Deliver: take each record of a topic to a target outside Kafka, at least once, such as a notifier's call.

Each partition is delivered in its order, one attempt at a time. A record that must be tried again holds up
its own partition only. Offsets are committed right after the delivery: a crash between the two repeats one
record per partition. So a target must tolerate a repetition, for instance by a key to de-duplicate by.

A target may store what it delivered on a compacted topic. That is acknowledged before the offset is
committed, and the next owner of the partition gets it before its first attempt.

Not for changes of state in Kafka: those are exactly once with `Runtime`.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from fleetleak.kafka import client
from fleetleak.kafka.reach import Reach
from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.settings import Settings
from fleetleak.stream import dead_letter
from fleetleak.stream.clients import Makers, consumer_properties
from fleetleak.stream.lane import Lane
from fleetleak.stream.messages import judge, record_of
from fleetleak.stream.outbox import Outbox
from fleetleak.stream.places import Places, Start
from fleetleak.stream.retry import Retry
from fleetleak.stream.role import Record, Rejected
from fleetleak.stream.standing import Standing
from fleetleak.stream.state_loader import StateLoader
from fleetleak.stream.state_reader import StateReader
from fleetleak.stream.target import Answer, Never, Target, TryAgain
from fleetleak.stream.watchdog import Watchdog

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_IDLE_SECONDS = 1.0
_MOST_AT_ONCE = 8  # attempts
_MOST_RECORDS = 100  # of one poll
_GIVE_UP_SECONDS = 86400.0
# Of the ten seconds that a role has after SIGTERM: for attempts that are under way, and for what they store.
_HAND_OVER_SECONDS = 6.0
_FLUSH_SECONDS = 2.0


class Deliver:
    """Delivers one topic to one target until told to stop.

    Parameters
    ----------
    topic, group
        What is delivered, and the consumer group that remembers how far.
    dead_letter_topic
        Takes the records that the target will never take.
    start
        Where a group without committed offsets begins.
    state_topic
        Keeps what the target stores: compacted, with as many partitions as `topic`; None: nothing is stored.
    newest_only
        Drop a record that waits for another attempt when a newer one has its key. Only for topics where each
        record says all that the ones before it said.
    give_up_seconds
        A record becomes a dead letter this long after its first attempt.
    reach
        Listens to the clients, where several deliveries share the knowledge of whether Kafka answers.
    """

    def __init__(
        self,
        settings: Settings,
        target: Target,
        topic: str,
        group: str,
        dead_letter_topic: str,
        start: Start = "latest",
        *,
        state_topic: str | None = None,
        newest_only: bool = False,
        give_up_seconds: float = _GIVE_UP_SECONDS,
        reach: Reach | None = None,
        makers: Makers | None = None,
    ) -> None:
        makers, reach = makers or Makers(), reach or Reach(settings.kafka)
        self._target = target
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._state_topic = state_topic
        self._newest_only = newest_only
        self._give_up_seconds = give_up_seconds
        # Not for secrets: it spreads pauses.
        self._chance = random.Random()  # noqa: S311
        self._lanes: dict[int, Lane] = {}
        self._incremental = settings.kafka.group_protocol == "consumer"
        self._places = Places(topic, self._incremental, start)
        self._standing = Standing(reach, settings.runtime.session_timeout_seconds)
        self._idle: Future[None] | None = None
        self._idle_at = 0.0
        # A group begins where `Places` says. A place that retention passed is taken up at the oldest record.
        ours = consumer_properties(settings) | {"auto.offset.reset": "earliest"} | reach.properties()
        self._consumer = makers.consumer(client.consumer(settings.kafka, group, **ours))
        ours = Outbox.properties() | reach.quiet_properties()
        self._outbox = Outbox(makers.producer(client.producer(settings.kafka, **ours)))
        self._loader: StateLoader | None = None
        if state_topic is not None:
            ours = StateReader.properties() | reach.quiet_properties()
            properties = client.consumer(settings.kafka, f"{group}-restore", **ours)
            self._loader = StateLoader(makers.state_consumer(properties), state_topic)
        self._letters = dead_letter.Letters()
        self._watchdog = Watchdog(settings.runtime.stall_seconds)
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix=f"deliver-{target.NAME}")

    def run(self, stop: threading.Event) -> None:
        """Consume and deliver until `stop` is set; then wait for the attempts under way, and close."""
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        self._watchdog.start()
        try:
            while not stop.is_set():
                self._turn()
        finally:
            self._consumer.close()  # revokes
            if self._loader is not None:
                self._loader.close()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._watchdog.stop()

    def healthy(self) -> str | None:
        """Return None while there is progress, else for how long there was none."""
        return self._watchdog.healthy()

    def ready(self) -> str | None:
        """Return None if it delivers what comes, else what it waits for."""
        if (wrong := self._standing.wrong()) is not None:
            return wrong
        if self._places.open:
            return "asking where to begin"
        if not all(lane.restored for lane in list(self._lanes.values())):
            return f"reading {self._state_topic}"
        return None

    def owned(self) -> list[int]:
        """Return the partitions that it delivers."""
        return sorted(self._lanes)

    def _turn(self) -> None:
        under_way = self._under_way(self._lanes.values())
        if under_way:
            wait(under_way, _POLL_SECONDS, FIRST_COMPLETED)
        self._outbox.serve(_POLL_SECONDS if self._outbox and not under_way else 0.0)
        busy = bool(under_way or self._outbox)
        for message in self._consumer.consume(_MOST_RECORDS, 0.0 if busy else _POLL_SECONDS):
            self._take(message)
        self._places.step(self._consumer)
        self._load()
        for number, lane in self._lanes.items():
            self._finish(lane)
            if dropped := lane.superseded():
                metrics.DELIVERIES.labels(self._target.NAME, "superseded").inc(dropped)
            lane.start(self._pool, self._target, time.monotonic())
            if lane.resumes():
                self._consumer.resume([TopicPartition(self._topic, number)])
        self._commit()
        self._rest()
        self._letters.tell()
        self._watchdog.feed()

    @staticmethod
    def _under_way(lanes: Iterable[Lane]) -> list[Future[Answer]]:
        return [lane.attempt for lane in lanes if lane.attempt is not None]

    def _take(self, message: Message) -> None:
        if (error := message.error()) is not None:
            judge(error)
            return
        record = record_of(message)
        # A record that was fetched before its partition was given up goes to the next owner.
        if (lane := self._lanes.get(record.partition)) is None:
            return
        lane.take(record)
        if lane.pauses():
            self._consumer.pause([TopicPartition(self._topic, record.partition)])

    def _load(self) -> None:
        """Read on in the state topic; begin with the partitions whose state is known."""
        if self._loader is not None:
            for number, stored in self._loader.step().items():
                self._restored(number, stored)

    def _restored(self, number: int, stored: dict[bytes, bytes]) -> None:
        self._target.assigned(number, stored)
        self._lanes[number].restore()

    def _finish(self, lane: Lane) -> None:
        """Act on the answer to an attempt, if one has ended."""
        if (answer := lane.answer(time.monotonic())) is None:
            return
        name = self._target.NAME
        metrics.DELIVERIES.labels(name, answer.outcome).inc()
        if isinstance(answer, Never):
            self._refuse(lane, lane.next(), answer)
            return
        if isinstance(answer, TryAgain):
            log.info("%s: trying again in %.3g s: %s", name, answer.after_seconds, answer.why)
            return
        record = lane.next()
        for key, value in answer.stored if self._state_topic is not None else ():
            self._outbox.put(lane, str(self._state_topic), key, value, partition=record.partition)

    def _refuse(self, lane: Lane, record: Record, answer: Never) -> None:
        """Send a record to the dead letter; its offset is committed once it is there."""
        rejected = Rejected(record, answer.reason, answer.why)
        self._letters.note(rejected)
        headers = dead_letter.headers(rejected, self._target.NAME)
        self._outbox.put(lane, self._dead_letter_topic, record.key, record.value, headers=headers)

    def _commit(self) -> None:
        done = {n: lane.done for n, lane in self._lanes.items() if lane.done is not None}
        if not done:
            return
        places = [TopicPartition(self._topic, number, offset) for number, offset in done.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            if error.args[0].fatal() or denied(error.args[0]):
                raise
            log.debug("the offsets are committed later: %s", error.args[0].str())
            return
        for number in done:
            self._lanes[number].committed()

    def _rest(self) -> None:
        """Once a second: let the target do what is due, and measure how long the oldest record waits."""
        now = time.monotonic()
        if now < self._idle_at:
            return
        self._idle_at = now + _IDLE_SECONDS
        self._standing.member(self._consumer.memberid() or "", self._incremental)
        oldest = min((at for lane in self._lanes.values() if (at := lane.oldest())), default=None)
        waiting = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        metrics.WAITING.labels(self._target.NAME).set(waiting)
        if self._idle is None or self._idle.done():
            if self._idle is not None and (error := self._idle.exception()) is not None:
                log.error("%s: idle work failed", self._target.NAME, exc_info=error)
            self._idle = self._pool.submit(self._target.idle)

    # What the rebalance callbacks do.

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted(p.partition for p in partitions)
        log.info("partitions assigned", extra={"partitions": numbers, "target": self._target.NAME})
        self._places.assigned(consumer, numbers)
        for number in numbers:
            self._lanes[number] = Lane(Retry(self._chance, self._give_up_seconds), self._newest_only)
        if self._loader is not None:
            self._loader.want(numbers)
        else:
            for number in numbers:
                self._restored(number, {})
        self._standing.assigned()

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Wait for the attempts under way, remember what they delivered, and give the partitions up."""
        given = {n: lane for p in partitions if (lane := self._lanes.get(n := p.partition)) is not None}
        wait(self._under_way(given.values()), _HAND_OVER_SECONDS)
        for lane in given.values():
            self._finish(lane)
        self._outbox.flush(_FLUSH_SECONDS)
        self._commit()
        again = sorted(n for n, lane in given.items() if lane.unfinished)
        if again:
            log.warning("the newest record of partitions %s may be delivered again", again)
        self._lost(consumer, partitions)

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [partition.partition for partition in partitions]
        if self._loader is not None:
            self._loader.forget(numbers)
        self._places.forget(numbers)
        for number in numbers:
            if self._lanes.pop(number, None) is not None:
                self._target.revoked(number)
        if not self._lanes:
            self._standing.left()
