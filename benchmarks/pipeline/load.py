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
    name = topics.names(settings.kafka.topic_prefix).snapshots
    producer = Producer(client.producer(settings.kafka, **{"queue.buffering.max.messages": 1_000_000}))
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
    if left := producer.flush(120):
        raise RuntimeError(f"{left} records could not be published")
    return count, size
