"""Deliver: take each record of a topic to a target outside Kafka, at least once, such as a notifier's call.

Each partition is delivered in its order, one attempt at a time. A record that must be tried again holds up
its own partition only. Offsets are committed right after the delivery: a crash between the two repeats one
record per partition. So a target must tolerate a repetition, for instance by a key to de-duplicate by.

Not for changes of state in Kafka: those are exactly once with `Runtime`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Literal

from confluent_kafka import KafkaException, Message, TopicPartition

from fleetleak.kafka import client
from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.settings import Settings
from fleetleak.stream import dead_letter
from fleetleak.stream.clients import Makers
from fleetleak.stream.lane import Lane
from fleetleak.stream.messages import record_of
from fleetleak.stream.role import Record, Rejected
from fleetleak.stream.target import Answer, Delivered, Never, Target, TryAgain
from fleetleak.stream.watchdog import Watchdog

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_MOST_AT_ONCE = 8  # attempts
_MOST_RECORDS = 100  # of one poll
_FLUSH_SECONDS = 30.0
# Of the ten seconds that a role has after SIGTERM, for attempts that are under way.
_HAND_OVER_SECONDS = 6.0


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
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        target: Target,
        topic: str,
        group: str,
        dead_letter_topic: str,
        start: Literal["earliest", "latest"] = "latest",
        makers: Makers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        makers = makers or Makers()
        self._target = target
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._clock = clock
        self._lanes: dict[int, Lane] = {}
        self._consumer = makers.consumer(
            client.consumer(settings.kafka, group, **{"auto.offset.reset": start})
        )
        self._producer = makers.producer(client.producer(settings.kafka))
        self._letters = dead_letter.Letters(clock)
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
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._watchdog.stop()

    def healthy(self) -> str | None:
        """Return None while there is progress, else for how long there was none."""
        return self._watchdog.healthy()

    def _turn(self) -> None:
        under_way = self._under_way(self._lanes.values())
        if under_way:
            wait(under_way, _POLL_SECONDS, FIRST_COMPLETED)
        for message in self._consumer.consume(_MOST_RECORDS, 0.0 if under_way else _POLL_SECONDS):
            self._take(message)
        for number, lane in self._lanes.items():
            self._finish(lane)
            lane.start(self._pool, self._target, self._clock())
            if lane.resumes():
                self._consumer.resume([TopicPartition(self._topic, number)])
        self._commit()
        self._letters.tell()
        self._watchdog.feed()

    @staticmethod
    def _under_way(lanes: Iterable[Lane]) -> list[Future[Answer]]:
        return [lane.attempt for lane in lanes if lane.attempt is not None]

    def _take(self, message: Message) -> None:
        if (error := message.error()) is not None:
            if error.fatal() or denied(error):
                raise KafkaException(error)
            log.debug("consumer: %s", error.str())
            return
        record = record_of(message)
        lane = self._lanes.setdefault(record.partition, Lane())
        lane.take(record)
        if lane.pauses():
            self._consumer.pause([TopicPartition(self._topic, record.partition)])

    def _finish(self, lane: Lane) -> None:
        """Act on the answer to an attempt, if one has ended."""
        if (answer := lane.answer()) is None:
            return
        outcome = {Delivered: "delivered", TryAgain: "try-again", Never: "never"}[type(answer)]
        metrics.DELIVERIES.labels(self._target.NAME, outcome).inc()
        if isinstance(answer, TryAgain):
            lane.wait_until(self._clock() + (answer.after_seconds or 1.0))
            log.info("%s: trying again in %g s: %s", self._target.NAME, answer.after_seconds, answer.why)
            return
        record = lane.next()
        if isinstance(answer, Never):
            self._refuse(record, answer)

    def _refuse(self, record: Record, answer: Never) -> None:
        """Send a record to the dead letter, and wait until it is there: its offset is committed next."""
        rejected = Rejected(record, answer.reason, answer.why)
        metrics.DEAD_LETTERS.labels(answer.reason).inc()
        self._letters.note(rejected)
        failed: list[Any] = []
        self._producer.produce(
            self._dead_letter_topic,
            value=record.value,
            key=record.key,
            headers=dead_letter.headers(rejected),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
        if self._producer.flush(_FLUSH_SECONDS) or failed:
            raise KafkaException(*failed or ["a dead letter was not acknowledged"])

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

    # What the rebalance callbacks do.

    def _assigned(self, _consumer: object, partitions: list[TopicPartition]) -> None:
        log.info("partitions assigned", extra={"partitions": sorted(p.partition for p in partitions)})

    def _revoked(self, _consumer: object, partitions: list[TopicPartition]) -> None:
        """Wait for the attempts under way, remember what they delivered, and give the partitions up."""
        given = {n: lane for p in partitions if (lane := self._lanes.get(n := p.partition)) is not None}
        wait(self._under_way(given.values()), _HAND_OVER_SECONDS)
        for lane in given.values():
            self._finish(lane)
        self._commit()
        again = sorted(n for n, lane in given.items() if lane.attempt is not None or lane.done is not None)
        if again:
            log.warning("the newest record of partitions %s may be delivered again", again)
        self._lost(_consumer, partitions)

    def _lost(self, _consumer: object, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self._lanes.pop(partition.partition, None)
