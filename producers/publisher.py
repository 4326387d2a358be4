"""Publishes snapshots to Kafka: in order, without duplicates, in bounded memory while Kafka is away."""

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
from fleetleak.settings.tree import KafkaSettings
from producers.away import Away
from producers.buffer import Buffer, Record
from producers.statelog import OK, StateLog

log = logging.getLogger(__name__)

FLUSH_SLICE_SECONDS = 0.25
# The text of an error may contain the whole record.
LONGEST_DETAIL = 500

DEFAULTS = {"linger.ms": 50, "compression.type": "zstd"}
# These keep the order and avoid duplicates across retries; a record waits for the broker without a timeout.
# The client holds a small window only: other records wait in the buffer, which can drop the oldest.
REQUIRED = {
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 1000,
    "queue.buffering.max.kbytes": 1024,
}
# A missing topic is reported within seconds.
_PROPAGATION = {"topic.metadata.propagation.max.ms": 5000}
_ALIASES = {"delivery.timeout.ms": "message.timeout.ms"}


class Metrics(Protocol):
    """The metrics that the publisher sets (fleetleak.observe.metrics)."""

    BUFFERED_RECORDS: Gauge
    BUFFERED_BYTES: Gauge
    DROPPED_RECORDS: Counter
    PUBLISHED_RECORDS: Counter
    PUBLISH_ERRORS: Counter
    INVALID_SNAPSHOTS: Counter


class Publisher:
    """Sends snapshots to one topic; the key is the service. For one thread; only `close` blocks.

    Parameters
    ----------
    producer_config
        librdkafka properties. One that this class depends on may be left out, but may not have another value.
    topic
        Where snapshots go.
    buffer
        Holds the records that do not fit in the client's window.
    metrics
        Where counts go: the module fleetleak.observe.metrics, or an object with the same metrics.
    connect
        Makes the client.
    kafka, interval_seconds
        The settings of the cluster and the time between ticks, for the log messages while Kafka is away.

    Attributes
    ----------
    acknowledged
        Snapshots that the broker has acknowledged so far.

    Raises
    ------
    BadSetting
        If a property has a value that would break the order, lose records or use unbounded memory.
    """

    def __init__(
        self,
        producer_config: Mapping[str, Any],
        topic: str,
        buffer: Buffer,
        metrics: Metrics | ModuleType,
        connect: Callable[[dict[str, Any]], Producer] = Producer,
        kafka: KafkaSettings | None = None,
        interval_seconds: float = 30.0,
    ) -> None:
        _refuse_others(producer_config)
        self._kafka = kafka or KafkaSettings()
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
        """Return the number of records that the broker has not acknowledged yet."""
        return len(self._buffer) + self._window

    def publish(self, snapshots: Iterable[Snapshot]) -> None:
        """Accept snapshots and send what can be sent; one that no reader can decode is left out."""
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
        """Encode a snapshot, and decode it as a reader will.

        Raises
        ------
        ValueError, TypeError
            If it cannot be encoded, or cannot be decoded again.
        """
        value = encode(snapshot)
        self._read_back(value)
        return Record(snapshot.service.encode(), value)

    def pump(self) -> None:
        """Move records from the buffer to the client, and count the acknowledgements of the broker."""
        self._serve(lambda: self._producer.poll(0))
        self._fill_window()
        self._report()

    def close(self, seconds: float) -> int:
        """Send the rest for at most `seconds`; return the number of records that were not delivered."""
        deadline = time.monotonic() + seconds
        while self.waiting and time.monotonic() < deadline:
            self.pump()
            self._serve(lambda: self._producer.flush(FLUSH_SLICE_SECONDS))
        self._report()
        if self.waiting:
            log.warning("records not delivered at the end: %d", self.waiting)
        return self.waiting

    def _serve(self, call: Callable[[], object]) -> None:
        """Let the client run its callbacks, and replace the client if it has failed for good."""
        try:
            call()
        except (KafkaException, SystemError) as error:
            self._reconnect(raised(error))

    def _fill_window(self) -> None:
        while self._buffer and self._send(self._buffer.oldest()):
            self._buffer.pop()

    def _send(self, record: Record) -> bool:
        """Hand one record to the client; return False while its window is full."""
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
            self._reach.heard()  # the broker answers: it refuses the record
        detail = sentence(error, Right("Write", f"topic {self._topic}"), self._kafka)
        self._states.set("publishing", error.name(), detail)

    def _reconnect(self, error: KafkaError) -> None:
        """Replace a client that has failed for good; the records in its window are lost, and counted."""
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
        if needed is not None and str(value).lower() != (only := str(needed).lower()):
            raise BadSetting(f"setting kafka.properties: the producer needs {name}={only}: leave {name} out")
