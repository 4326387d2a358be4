"""Input for the benchmarks: snapshots of many services, as an agent publishes them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.records import Snapshot, encode
from fleetleak.settings import Settings

_START = 1_700_000_000.0
INTERVAL_SECONDS = 30.0
_LIMIT = 2**31
_CALL_SECONDS = 120.0
# Below the most that a broker allows by default, 900 s.
_TRANSACTION_SECONDS = 600.0


def snapshots(services: int, ticks: int, seed: int = 1, first_tick: int = 0) -> Iterator[Snapshot]:
    """Yield snapshots of containers with noisy, steady memory, from `first_tick` on.

    Each tick has values of its own, whichever tick a call begins with.
    """
    levels = random.Random(seed)
    base = [levels.randint(2**28, 2**30) for _ in range(services)]
    for tick in range(first_tick, first_tick + ticks):
        noise = random.Random(f"{seed}/{tick}")
        for number in range(services):
            anon = int(base[number] * noise.gauss(1.0, 0.01))
            yield container(f"service-{number}", _START + tick * INTERVAL_SECONDS, anon)


def container(service: str, timestamp: float, anon: int) -> Snapshot:
    """Return one snapshot of a container, with the fields that a cgroup has."""
    return Snapshot(
        service=service,
        instance=f"host-{len(service) % 7}/{service}",
        timestamp=timestamp,
        host="host-0",
        scope="container",
        environment="bench",
        started=_START - 1000.0,
        total=2**34,
        used=anon + 2**26,
        active=anon,
        anon=anon,
        file=2**26,
        shmem=0,
        swap_used=0,
        slab_reclaimable=2**22,
        slab_unreclaimable=2**21,
        kernel_stack=2**18,
        page_tables=2**20,
        sockets=0,
        working_set=anon + 2**24,
        limit=_LIMIT,
        limit_name="memory.max",
        limit_used=anon + 2**24,
        faults_minor=int(timestamp) * 10,
        faults_major=3,
        oom_kills=0,
    )


def publish(settings: Settings, records: Iterator[Snapshot]) -> tuple[int, int]:
    """Create the topics and publish; return the number of records and of bytes."""
    topics.create(
        AdminClient(client.common(settings.kafka)),
        topics.layout(settings.kafka.topic_prefix, settings.topics),
        1,
    )
    producer = Producer(client.producer(settings.kafka, **{"queue.buffering.max.messages": 1_000_000}))
    return _send(producer, settings, records)


def publish_uncommitted(settings: Settings, records: Iterator[Snapshot]) -> tuple[Producer, int, int]:
    """Publish in a transaction that stays open; return its producer, the number of records and of bytes.

    Readers see none of the records until the producer commits; then they see all at once. The topics exist.
    """
    properties = client.transactional(
        settings.kafka, f"{settings.kafka.topic_prefix}-input", _TRANSACTION_SECONDS
    )
    # With the same linger as `publish`, the batches are as large.
    producer = Producer(properties | {"linger.ms": client.producer(settings.kafka)["linger.ms"]})
    producer.init_transactions(_CALL_SECONDS)
    producer.begin_transaction()
    return producer, *_send(producer, settings, records)


def _send(producer: Producer, settings: Settings, records: Iterator[Snapshot]) -> tuple[int, int]:
    """Send and flush; return the number of records and of bytes."""
    name = topics.names(settings.kafka.topic_prefix).snapshots
    count = size = 0
    for record in records:
        value = encode(record)
        while True:
            try:
                producer.produce(name, value, record.service)
                break
            except BufferError:
                producer.poll(0.1)
        count, size = count + 1, size + len(value)
        if count % 10_000 == 0:
            producer.poll(0)
    if left := producer.flush(_CALL_SECONDS):
        raise RuntimeError(f"{left} records could not be published")
    return count, size
