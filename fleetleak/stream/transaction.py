"""One transaction after another: outputs, checkpoints and input offsets become visible together."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.stream.role import Output

log = logging.getLogger(__name__)

# Far below librdkafka's own limit, so that a produce call never finds its queue full.
_MOST_QUEUED = 200_000
_ANY = -1


class Aborted(RuntimeError):
    """The transaction was given up: what was applied since the last commit must be restored."""


class Fenced(RuntimeError):
    """Another process took over this identity, or the producer is beyond repair: this one must end."""


class Transaction:
    """The producing side of a stateful role.

    Parameters
    ----------
    connect
        Makes the n-th transactional producer, each with a transactional id that belongs to nobody else.
    timeout_seconds
        How long one call to the cluster may take.
    wait
        Asked when a call got no answer in time: whether Kafka is away, and is to be waited for.
    lately
        Whether it was away until a short while ago: what it ended then is no sign of another process.
    """

    def __init__(
        self,
        connect: Callable[[int], Producer],
        timeout_seconds: float,
        wait: Callable[[], bool],
        lately: Callable[[], bool],
    ) -> None:
        self._connect = connect
        self._timeout = timeout_seconds
        self._wait = wait
        self._lately = lately
        self._metadata: Any = None
        self._published: dict[str, int] = {}
        self._notes: list[str] = []
        self._made = 0
        self.open = False
        self._producer = connect(0)
        self._call(lambda: self._producer.init_transactions(timeout_seconds * 3))

    def begin(self, metadata: Any) -> None:
        """Open a transaction, if none is, for a batch polled under this group metadata.

        The metadata is the fence: Kafka checks the group's generation at the time of the poll, not who
        owns the partition now. Taken at commit time, a process that lost its partitions and polled again
        could commit its old batch.
        """
        if not self.open:
            self._call(lambda: self._producer.begin_transaction())
            self._metadata = metadata
            self.open = True

    def publish(self, outputs: Iterable[Output]) -> None:
        """Send outputs in order; they become visible at the commit."""
        # By partition too: a partition given per message is ignored by produce_batch.
        batches: dict[tuple[str, int], list[dict[str, Any]]] = {}
        outputs = list(outputs)
        for output in outputs:
            place = output.topic, _ANY if output.partition is None else output.partition
            batches.setdefault(place, []).append({"key": output.key, "value": output.value})
        for (topic, partition), messages in batches.items():
            self._make_room(len(messages))
            try:
                taken = self._producer.produce_batch(topic, messages, partition)
            except (BufferError, KafkaException) as error:
                raise Aborted(f"the producer does not take a batch: {error}") from None
            if taken != len(messages):
                raise Aborted("the producer's queue did not take a whole batch")
            self._published[topic] = self._published.get(topic, 0) + len(messages)
        self._notes += [output.note for output in outputs if output.note]
        self._producer.poll(0)

    def dead_letter(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, str | bytes | None]],
    ) -> None:
        """Send one unreadable record, untouched, with headers that say where it came from and why."""
        self._make_room(1)
        self._producer.produce(topic, value=value, key=key, headers=headers)
        self._published[topic] = self._published.get(topic, 0) + 1

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit outputs and offsets together; while Kafka is away, when it is back.

        Raises
        ------
        Aborted
            If the transaction was given up, such as by a rebalance or a time-out.
        Fenced
            If this producer may not go on.
        """
        started = time.monotonic()
        self._call(lambda: self._producer.send_offsets_to_transaction(offsets, self._metadata, self._timeout))
        self._call(lambda: self._producer.commit_transaction(self._timeout))
        self.open = False
        metrics.COMMITS.inc()
        metrics.COMMIT_SECONDS.observe(time.monotonic() - started)
        for topic, count in self._published.items():
            metrics.RECORDS_OUT.labels(topic).inc(count)
        for note in self._notes:
            log.info(note)
        self._published, self._notes = {}, []

    def abort(self, reason: str) -> None:
        """Give up the open transaction, if there is one."""
        if not self.open:
            return
        self.open = False
        self._published, self._notes = {}, []
        metrics.ABORTS.labels(reason).inc()
        waited = False
        while True:
            try:
                self._producer.abort_transaction(self._timeout)
                return
            except KafkaException as error:
                cause: KafkaError = error.args[0]
            if cause.retriable() and self._away():
                waited = True
            elif waited or (self._lately() and not cause.retriable()):
                # The brokers ended it meanwhile, as they do after its time-out.
                self._renew()
                return
            else:
                raise Fenced(f"a transaction could not be aborted: {cause.str()}")

    def _away(self) -> bool:
        """Say whether Kafka is to be waited for; what its clients have to say of that comes with a poll."""
        # One that has failed for good says so again to the next call.
        with contextlib.suppress(KafkaException):
            self._producer.poll(0)
        return self._wait()

    def _renew(self) -> None:
        """Go on with a new producer, under a name that is nobody else's: the old one may do nothing more."""
        log.info("a new producer takes the place of one whose transaction timed out")
        self._made += 1
        self._producer = self._connect(self._made)
        self._call(lambda: self._producer.init_transactions(self._timeout * 3))

    def _make_room(self, count: int) -> None:
        deadline = time.monotonic() + self._timeout
        while len(self._producer) + count > _MOST_QUEUED:
            self._producer.poll(0.05)
            if time.monotonic() > deadline:
                raise Aborted("the brokers do not take the outputs")

    def _call(self, step: Callable[[], object]) -> None:
        deadline = time.monotonic() + self._timeout * 3
        waited = False
        while True:
            try:
                step()
                return
            except KafkaException as error:
                cause: KafkaError = error.args[0]
            if cause.txn_requires_abort():
                self.abort("kafka")
                raise Aborted(cause.str())
            if denied(cause):
                raise KafkaException(cause)
            if cause.retriable() and self._away():
                waited = True
                deadline = time.monotonic() + self._timeout * 3
            elif (waited or self._lately()) and not cause.retriable():
                # Whether it was committed nobody knows; restoring finds out.
                self.open = False
                self._published, self._notes = {}, []
                metrics.ABORTS.labels("kafka").inc()
                self._renew()
                raise Aborted(cause.str())
            elif not cause.retriable() or time.monotonic() > deadline:
                raise Fenced(cause.str())
