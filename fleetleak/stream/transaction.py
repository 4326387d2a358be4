"""One transaction after another: outputs, checkpoints and input offsets become visible together."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.stream.errors import Aborted, Fenced
from fleetleak.stream.role import Output

log = logging.getLogger(__name__)

# Far below librdkafka's own limit, so that its queue is never full at a produce call.
_MOST_QUEUED = 200_000
# At once: far fewer, so that there is always room in the end.
_MOST_AT_ONCE = 20_000
_ANY = -1
# Timeouts for which a call is repeated.
_PATIENCE = 3
# How often a call that lasts is looked at, and how often Kafka is asked when it lasts too long.
_GLANCE_SECONDS, _ASK_SECONDS = 1.0, 5.0


class _Stuck(Exception):
    """A call does not return although Kafka answers."""


class Transaction:
    """The producing side of a stateful role. Only its own methods change it.

    Parameters
    ----------
    connect
        Returns the n-th transactional producer; each has a transactional id that no other process uses.
    timeout_seconds
        How long one call to the cluster may take.
    away
        Called when a call got no answer in time, and every second of a call that lasts: returns whether Kafka
        is away, so that the call is repeated.
    lately
        Returns whether Kafka was away a short while ago. A transaction that ended then is no sign of another
        process.
    answers
        Asks Kafka with a new client, and returns whether it answers.
    """

    def __init__(
        self,
        connect: Callable[[int], Producer],
        timeout_seconds: float,
        away: Callable[[], bool],
        lately: Callable[[], bool],
        answers: Callable[[], bool],
    ) -> None:
        self._connect = connect
        self._timeout = timeout_seconds
        self._kafka_away = away
        self._lately = lately
        self._answers = answers
        self._metadata: Any = None
        self._published: dict[str, int] = {}
        self._notes: list[str] = []
        self._made = 0
        self.open = False
        self._producer = connect(0)
        self._init()

    def begin(self, metadata: Any) -> None:
        """Open a transaction, if none is, for a batch polled under this group metadata.

        The metadata is the fence: Kafka compares the group's generation at the time of the poll. With
        metadata taken at commit time, a process that lost its partitions and polled again could commit its
        old batch.
        """
        if not self.open:
            self._call(lambda: self._producer.begin_transaction())
            self._metadata = metadata
            self.open = True

    def publish(self, outputs: Iterable[Output]) -> None:
        """Send outputs in order; they become visible at the commit."""
        # By partition too: produce_batch ignores a partition given per message.
        batches: dict[tuple[str, int], list[dict[str, Any]]] = {}
        outputs = list(outputs)
        for output in outputs:
            place = output.topic, _ANY if output.partition is None else output.partition
            batches.setdefault(place, []).append({"key": output.key, "value": output.value})
        for (topic, partition), messages in _pieces(batches):
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
            If the transaction was aborted, such as by a rebalance or a timeout.
        Fenced
            If this producer may not continue.
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
        """Abort the open transaction, if there is one."""
        if not self.open:
            return
        self.open = False
        self._published, self._notes = {}, []
        metrics.ABORTS.labels(reason).inc()
        waited = False
        while True:
            try:
                self._watched(lambda: self._producer.abort_transaction(self._timeout), self._timeout)
                return
            except _Stuck:
                self._renew()
                return
            except KafkaException as error:
                cause: KafkaError = error.args[0]
            if cause.retriable() and self._away():
                waited = True
            elif waited or (self._lately() and not cause.retriable()):
                # The brokers aborted it meanwhile, as they do after its timeout.
                self._renew()
                return
            else:
                raise Fenced(f"a transaction could not be aborted: {cause.str()}")

    def _away(self) -> bool:
        """Return whether Kafka is away. A poll first: it delivers what the client knows."""
        # A producer that failed for good raises again at the next call (SystemError: see kafka.trouble).
        with contextlib.suppress(KafkaException, SystemError):
            self._producer.poll(0)
        return self._kafka_away()

    def _renew(self) -> None:
        """Continue with a new producer and a new transactional id: the old one may do nothing more."""
        log.info("a new producer takes the place of one whose transaction timed out")
        self._made += 1
        self._producer = self._connect(self._made)
        self._init()

    def _init(self) -> None:
        seconds = self._timeout * _PATIENCE
        self._call(lambda: self._producer.init_transactions(seconds), seconds)

    def _make_room(self, count: int) -> None:
        deadline = time.monotonic() + self._timeout
        while len(self._producer) + count > _MOST_QUEUED:
            self._producer.poll(0.05)
            if time.monotonic() > deadline:
                raise Aborted("the brokers do not take the outputs")

    def _watched(self, step: Callable[[], object], seconds: float) -> None:
        """Run one call beside this thread, which meanwhile looks whether Kafka is away.

        After a broker went, librdkafka can stay in a call for ever (#5456, #5511), and its client then hears
        of nothing. So a call that lasts longer than its own `seconds` is given up if Kafka twice answered a
        new client. Its thread does nothing more: each call is one step, and never the one after it.

        Raises
        ------
        _Stuck
            If the call was given up.
        """
        call = _beside(step)
        ask_at, answered = time.monotonic() + seconds + _ASK_SECONDS, 0
        while not wait([call], _GLANCE_SECONDS).done:
            self._away()
            if time.monotonic() >= ask_at:
                answered = answered + 1 if self._answers() else 0
                if answered > 1:
                    raise _Stuck
                ask_at = time.monotonic() + _ASK_SECONDS
        call.result()

    def _call(self, step: Callable[[], object], seconds: float | None = None) -> None:
        deadline = time.monotonic() + self._timeout * _PATIENCE
        waited = False
        while True:
            try:
                self._watched(step, self._timeout if seconds is None else seconds)
                return
            except _Stuck:
                why = "a call of librdkafka does not return although Kafka answers"
                if not self.open:
                    raise Fenced(why) from None  # even a new client gets nowhere
                self._replace(why)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
            if cause.txn_requires_abort():
                self.abort("kafka")
                if self._lately():
                    # What this client learned of the cluster while a broker came back may be wrong for good.
                    self._renew()
                raise Aborted(cause.str())
            if denied(cause):
                raise KafkaException(cause)
            if cause.retriable() and self._away():
                waited = True
                deadline = time.monotonic() + self._timeout * _PATIENCE
            elif (waited or self._lately()) and not cause.retriable():
                self._replace(cause.str())
            elif not cause.retriable() or time.monotonic() > deadline:
                raise Fenced(cause.str())

    def _replace(self, why: str) -> NoReturn:
        """Give the transaction and its producer up; a restore finds out whether it was committed.

        Raises
        ------
        Aborted
            Always.
        """
        self.open = False
        self._published, self._notes = {}, []
        metrics.ABORTS.labels("kafka").inc()
        self._renew()
        raise Aborted(why)


def _pieces(
    batches: Mapping[tuple[str, int], list[dict[str, Any]]],
) -> Iterator[tuple[tuple[str, int], list[dict[str, Any]]]]:
    """Yield the messages of each place in their order, some at a time."""
    for place, messages in batches.items():
        for begin in range(0, len(messages), _MOST_AT_ONCE):
            yield place, messages[begin : begin + _MOST_AT_ONCE]


def _beside(step: Callable[[], object]) -> Future[object]:
    """Run a call in a thread of its own, which does not hold up the end of the process."""
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(step())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="transaction", daemon=True).start()
    return future
