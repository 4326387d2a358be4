"""Recorded input: the same records for the undisturbed and the disturbed run, made from a printed seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import Producer

from fleetleak.kafka import client
from fleetleak.records import Label, Snapshot, encode
from fleetleak.records.label import Verdict
from fleetleak.settings import Settings
from tests.faults.chain import BAD, BOOM

_START = 1_700_000_000.0
_MIB = 2**20
_LEAKING = 5  # every fifth service


class Sent(NamedTuple):
    """One record of the recording, with the partition it goes to."""

    partition: int
    key: bytes
    value: bytes


def chain_input(
    records: int, services: int, partitions: int, seed: int, bad: int = 0, boom: int = 0
) -> list[Sent]:
    """Return records of services in random order, some of them unreadable or failing."""
    random_ = random.Random(seed)
    odd = random_.sample(range(records), bad + boom)
    prefix = dict.fromkeys(odd[:bad], BAD) | dict.fromkeys(odd[bad:], BOOM)
    sent = []
    for number in range(records):
        service = random_.randrange(services)
        value = prefix.get(number, b"record") + b"-%d" % number
        sent.append(Sent(service % partitions, b"service-%d" % service, value))
    return sent


def controls(count: int, services: int, partitions: int, seed: int) -> list[Sent]:
    """Return control records of random services."""
    random_ = random.Random(seed + 1)
    chosen = [random_.randrange(services) for _ in range(count)]
    return [
        Sent(service % partitions, b"service-%d" % service, b"control-%d" % number)
        for number, service in enumerate(chosen)
    ]


def snapshot_input(ticks: int, services: int, partitions: int, seed: int) -> list[Sent]:
    """Return snapshots of a fleet in which every fifth service leaks, one per instance and tick."""
    return list(_snapshots(ticks, services, partitions, random.Random(seed)))


def labels(services: int, partitions: int) -> list[Sent]:
    """Return a label, of each verdict in turn, for every leaking service of `snapshot_input`."""
    verdicts: list[Verdict] = ["not-a-leak", "leak", "expected"]
    sent = []
    for service in range(0, services, _LEAKING):
        name, verdict = f"service-{service}", verdicts[service // _LEAKING % 3]
        label = Label(service=name, verdict=verdict, author="tester", time=_START)
        sent.append(Sent(service % partitions, name.encode(), encode(label)))
    return sent


def _snapshots(ticks: int, services: int, partitions: int, random_: random.Random) -> Iterator[Sent]:
    for tick in range(ticks):
        for service in range(services):
            leaked = 12 * _MIB * max(0, tick - 20) if service % _LEAKING == 0 else 0
            used = (300 + random_.randrange(10)) * _MIB + leaked
            name = f"service-{service}"
            snapshot = Snapshot(
                service=name, instance=f"{name}-0", timestamp=_START + 30.0 * tick, started=_START - 100.0,
                total=2**34, used=used, limit=2**30, limit_name="memory.max", limit_used=min(used, 2**30),
            )  # fmt: skip
            yield Sent(service % partitions, name.encode(), encode(snapshot))


def publish(settings: Settings, topic: str, records: Sequence[Sent]) -> None:
    """Append records, each partition's in their order, and wait until they are there."""
    # Small batches, so that a fetch can end anywhere.
    producer = Producer(client.producer(settings.kafka, **{"batch.num.messages": 100}))
    for number, record in enumerate(records):
        producer.produce(topic, record.value, record.key, record.partition)
        if number % 10_000 == 9_999:
            producer.flush(60)
    assert producer.flush(60) == 0


def chunks(records: list[Sent], count: int) -> list[list[Sent]]:
    """Split a recording into so many parts, in order."""
    size = -(-len(records) // count)
    return [records[part * size : (part + 1) * size] for part in range(count)]
