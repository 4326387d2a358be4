"""One transaction after another: outputs, checkpoints and input offsets become visible together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import KafkaException, Producer, TopicPartition

from fleetleak.kafka.runtime.role import Output
from fleetleak.observe import metrics

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
    producer
        A transactional producer that belongs to nobody else.
    timeout_seconds
        How long one call to the cluster may take.
    """

    def __init__(self, producer: Producer, timeout_seconds: float) -> None:
        self._producer = producer
        self._timeout = timeout_seconds
        self._metadata: Any = None
        self._published: dict[str, int] = {}
        self._notes: list[str] = []
        self.open = False
        self._call(lambda: producer.init_transactions(timeout_seconds * 3))

    def begin(self, metadata: Any) -> None:
        """Open a transaction, if none is, for a batch polled under this group metadata.

        The metadata is the fence: Kafka checks the group's generation at the time of the poll, not who
        owns the partition now. Taken at commit time, a process that lost its partitions and polled again
        could commit its old batch.
        """
        if not self.open:
            self._call(self._producer.begin_transaction)
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
        """Commit outputs and offsets together.

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
        try:
            self._producer.abort_transaction(self._timeout)
        except KafkaException as error:
            raise Fenced(f"a transaction could not be aborted: {error.args[0].str()}") from None

    def _make_room(self, count: int) -> None:
        deadline = time.monotonic() + self._timeout
        while len(self._producer) + count > _MOST_QUEUED:
            self._producer.poll(0.05)
            if time.monotonic() > deadline:
                raise Aborted("the brokers do not take the outputs")

    def _call(self, step: Callable[[], object]) -> None:
        deadline = time.monotonic() + self._timeout * 3
        while True:
            try:
                step()
            except KafkaException as error:
                cause = error.args[0]
                if cause.txn_requires_abort():
                    self.abort("kafka")
                    raise Aborted(cause.str()) from None
                if not cause.retriable() or time.monotonic() > deadline:
                    raise Fenced(cause.str()) from None
            else:
                return
