"""Snapshots to Kafka: in order, without duplicates, and within a bounded memory when it is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from prometheus_client import Counter, Gauge

from fleetleak.kafka.reach import Reach
from fleetleak.kafka.trouble import Right, denied, raised, sentence, unknown
from fleetleak.records import Decoder, Snapshot, encode
from fleetleak.settings import BadSetting
from fleetleak.settings.tree import Kafka
from producers.away import Away
from producers.buffer import Buffer, Record
from producers.statelog import OK, StateLog

log = logging.getLogger(__name__)

FLUSH_SLICE_SECONDS = 0.25
# An error may show the whole record.
LONGEST_DETAIL = 500

DEFAULTS = {"linger.ms": 50, "compression.type": "zstd"}
# Order and no duplicates across retries; records wait for the broker however long it takes. The client
# holds a small window only: the rest waits in the buffer, where the oldest can be dropped.
REQUIRED = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 1000,
    "queue.buffering.max.kbytes": 1024,
}
# A topic that is not there is told within seconds.
_PROPAGATION = {"topic.metadata.propagation.max.ms": 5000}
_ALIASES = {"delivery.timeout.ms": "message.timeout.ms"}


class Metrics(Protocol):
    """What the publisher reports (fleetleak.observe.metrics)."""

    BUFFERED_RECORDS: Gauge
    BUFFERED_BYTES: Gauge
    DROPPED_RECORDS: Counter
    PUBLISHED_RECORDS: Counter
    PUBLISH_ERRORS: Counter
    INVALID_SNAPSHOTS: Counter


class Publisher:
    """Sends snapshots to one topic, keyed by service. For one thread; it never blocks but in `close`.

    Parameters
    ----------
    producer_config
        librdkafka properties; those this class depends on may be left out, but not be set to something else.
    topic
        Where snapshots go.
    buffer
        Keeps what the client's window has no room for.
    metrics
        Where counts go: the module fleetleak.observe.metrics, or what offers the same.
    connect
        Makes the client.
    kafka, interval_seconds
        The cluster as it is set and the time between ticks, for what is said when Kafka is away.

    Attributes
    ----------
    acknowledged
        Snapshots the broker has acknowledged so far.

    Raises
    ------
    BadSetting
        If a property is given that would cost order, completeness or the bound on memory.
    """

    def __init__(
        self,
        producer_config: Mapping[str, Any],
        topic: str,
        buffer: Buffer,
        metrics: Metrics | ModuleType,
        connect: Callable[[dict[str, Any]], Producer] = Producer,
        kafka: Kafka | None = None,
        interval_seconds: float = 30.0,
    ) -> None:
        _refuse_others(producer_config)
        self._kafka = kafka or Kafka()
        self._reach = Reach(self._kafka)
        self._config = {
            **DEFAULTS, **_PROPAGATION, **producer_config, **self._reach.quiet_properties(), **REQUIRED
        }  # fmt: skip
        self._topic = topic
        self._buffer = buffer
        self._metrics = metrics
        self._connect = connect
        self._producer = connect(dict(self._config))
        self._window = 0
        self._window_bytes = 0
        self._dropped = 0
        self.acknowledged = 0
        self._published = 0
        self._states = StateLog(log)
        self._read_back = Decoder(Snapshot).decode
        self._away = Away(buffer, interval_seconds)

    @property
    def waiting(self) -> int:
        """Records not yet acknowledged by the broker."""
        return len(self._buffer) + self._window

    def publish(self, snapshots: Iterable[Snapshot]) -> None:
        """Take snapshots over and send what can be sent; one that no reader would take is not."""
        state, detail = OK, ""
        for snapshot in snapshots:
            try:
                record = self._record(snapshot)
            except (ValueError, TypeError) as error:
                self._metrics.INVALID_SNAPSHOTS.inc()
                if state == OK:
                    state, detail = "invalid", f"first {snapshot.service!r}: {error}"[:LONGEST_DETAIL]
                continue
            self._buffer.append(record)
            self._away.taken += 1
            self._fill_window()
        self._states.set("snapshots", state, detail)
        self.pump()

    def _record(self, snapshot: Snapshot) -> Record:
        """Encode a snapshot, and read it as others will.

        Raises
        ------
        ValueError, TypeError
            If it cannot be encoded, or not be read back.
        """
        value = encode(snapshot)
        self._read_back(value)
        return Record(snapshot.service.encode(), value)

    def pump(self) -> None:
        """Move records from the buffer to the client, and count what the broker acknowledged."""
        self._serve(lambda: self._producer.poll(0))
        self._fill_window()
        self._report()

    def close(self, seconds: float) -> int:
        """Send what is left for at most `seconds`; give the number of records that were not delivered."""
        deadline = time.monotonic() + seconds
        while self.waiting and time.monotonic() < deadline:
            self.pump()
            self._serve(lambda: self._producer.flush(FLUSH_SLICE_SECONDS))
        self._report()
        if self.waiting:
            log.warning("records not delivered at the end: %d", self.waiting)
        return self.waiting

    def _serve(self, call: Callable[[], object]) -> None:
        """Let the client run its callbacks; it raises there when it has failed for good."""
        try:
            call()
        except (KafkaException, SystemError) as error:
            self._reconnect(raised(error))

    def _fill_window(self) -> None:
        while self._buffer and self._send(self._buffer.oldest()):
            self._buffer.pop()

    def _send(self, record: Record) -> bool:
        """Hand one record to the client; False when it has no room now."""
        delivered = partial(self._delivered, record.size)
        try:
            self._producer.produce(self._topic, key=record.key, value=record.value, on_delivery=delivered)
        except BufferError:
            return False
        except KafkaException as refused:
            error: KafkaError = refused.args[0]
            if error.name() == "_FATAL":
                self._reconnect(error)
                return False
            self._refused(error)
            return True
        self._window += 1
        self._window_bytes += record.size
        return True

    def _delivered(self, size: int, error: KafkaError | None, _message: Message) -> None:
        self._window -= 1
        self._window_bytes -= size
        if error:
            self._refused(error)
            return
        self.acknowledged += 1

    def _refused(self, error: KafkaError) -> None:
        self._metrics.PUBLISH_ERRORS.inc()
        if denied(error) or unknown(error):
            self._reach.heard()  # the broker answers, and says no
        detail = sentence(error, Right("Write", f"topic {self._topic}"), self._kafka)
        self._states.set("publishing", error.name(), detail)

    def _reconnect(self, error: KafkaError) -> None:
        """Replace a client that refuses all further work; what was in its window is lost and counted."""
        detail = sentence(error, Right("Write", f"topic {self._topic}"), self._kafka)
        self._states.set("kafka client", "failed for good, a new one is made", detail)
        self._metrics.PUBLISH_ERRORS.inc(self._window)
        self._producer = self._connect(dict(self._config))
        self._window = self._window_bytes = 0

    def _report(self) -> None:
        self._metrics.BUFFERED_RECORDS.set(self.waiting)
        self._metrics.BUFFERED_BYTES.set(self._buffer.size + self._window_bytes)
        self._metrics.DROPPED_RECORDS.inc(self._buffer.dropped - self._dropped)
        self._dropped = self._buffer.dropped
        fresh = self.acknowledged - self._published
        self._metrics.PUBLISHED_RECORDS.inc(fresh)
        if fresh:
            self._states.set("publishing", OK)
            self._states.set("kafka client", OK)
        if fresh or not self.waiting:
            self._reach.heard()
        self._published += fresh
        self._away.held = max(self._away.held, self.waiting)
        self._reach.check(self._away.begins, self._away.ended)
        if not self._reach.away:
            self._away.held = self.waiting


def _refuse_others(config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        needed = REQUIRED.get(_ALIASES.get(name, name))
        if needed is not None and str(value).lower() != (told := str(needed).lower()):
            raise BadSetting(f"setting kafka.properties: the producer needs {name}={told}: leave {name} out")
