"""Clients of one cluster: the properties that every role uses, and the reasons."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import KafkaSettings

log = logging.getLogger(__name__)
_librdkafka_log = logging.getLogger("librdkafka")

# Java's partitioner. librdkafka's default differs: the same key would go to another partition.
PARTITIONER = "murmur2_random"


def _on_error(error: KafkaError) -> None:
    log.warning("kafka client: %s", error.str(), extra={"code": error.name()})


@contextlib.contextmanager
def properties_checked() -> Iterator[None]:
    """Make clients inside this block: a property that librdkafka refuses becomes a `BadSetting`.

    Raises
    ------
    BadSetting
        With librdkafka's words. They name the property, and never the value of one that may be secret.
    """
    try:
        yield
    except KafkaException as error:
        if error.args[0].name() != "_INVALID_ARG":
            raise
        words = " ".join(error.args[0].str().split())
        raise BadSetting(f"setting kafka.properties: {words}") from None


def common(kafka: KafkaSettings, **more: Any) -> dict[str, Any]:
    """Return the properties of a client; those in `kafka.properties` override the others."""
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": f"{kafka.topic_prefix}-{kafka.instance_id or 'client'}",
        "error_cb": _on_error,
        # Without a logger librdkafka writes to stderr; with one, it logs when the client is polled.
        "logger": _librdkafka_log,
        "log_level": 3,
        **more,
        **kafka.properties,
    }


def producer(kafka: KafkaSettings, **more: Any) -> dict[str, Any]:
    """Return the properties of an idempotent producer with compression."""
    base = {
        "enable.idempotence": True,
        "partitioner": PARTITIONER,
        "compression.type": "zstd",
        "linger.ms": 20,
    }
    return common(kafka, **(base | more))


def transactional(kafka: KafkaSettings, transactional_id: str, timeout_seconds: float) -> dict[str, Any]:
    """Return the properties of a transactional producer.

    A new transaction right after a commit gets CONCURRENT_TRANSACTIONS and waits for `retry.backoff.ms`.
    With the default of 100 ms, small transactions would spend most of their time on this wait.
    """
    return producer(
        kafka,
        **{
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(timeout_seconds * 1000),
            "retry.backoff.ms": 5,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 512 * 1024,
        },
    )


def consumer(kafka: KafkaSettings, group: str, **more: Any) -> dict[str, Any]:
    """Return the properties of a read_committed consumer that commits no offsets by itself.

    `fetch.queue.backoff.ms` is 1000 by default: a consumer that empties its queue fast would sleep that long.
    """
    base = {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.queue.backoff.ms": 10,
        "fetch.wait.max.ms": 100,
    }
    return common(kafka, **(base | more))
