"""Snapshots as input records of the scoring role."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from fleetleak.records import Decoder, Score, Snapshot, encode
from fleetleak.settings import Settings
from fleetleak.stream import Record
from processors.scoring import Scoring

START = 1_700_000_000.0
LIMIT = 2**30
MIB = 2**20

read_score = Decoder(Score).decode


def role(**processor: object) -> Scoring:
    """Make the scoring role with some settings changed."""
    settings = Settings()
    for name, value in processor.items():
        setattr(settings.processor, name, value)
    return Scoring(settings, "scores")


def record(snapshot: Snapshot, offset: int, partition: int = 0) -> Record:
    """Return the input record of a snapshot."""
    return Record(partition, offset, snapshot.service.encode(), encode(snapshot), snapshot.timestamp)


def snapshot(service: str, tick: int, used: int, **more: Any) -> Snapshot:
    """Return one snapshot of a service's only instance."""
    fields: dict[str, Any] = {
        "instance": f"{service}-0",
        "total": 2**34,
        "limit": LIMIT,
        "limit_name": "memory.max",
        "limit_used": used,
    }
    return Snapshot(service=service, timestamp=START + 30.0 * tick, used=used, **(fields | more))


def fleet(services: int, ticks: int, seed: int = 1) -> list[Record]:
    """Return records of noisy services: one leaks after 40 ticks, one restarts, one has two instances."""
    random_ = random.Random(seed)
    found: list[Record] = []

    def add(one: Snapshot) -> None:
        found.append(record(one, len(found), partition=hash_of(one.service)))

    for tick in range(ticks):
        for number in range(services):
            noise = random_.randint(0, 10 * MIB)
            used = 300 * MIB + (max(0, tick - 40) * 2 * MIB + noise // 20 if number == 0 else noise)
            started = START - 100.0 + (30.0 * 70 if number == 1 and tick >= 70 else 0.0)
            add(snapshot(f"s{number}", tick, used, started=started))
            if number == 2:
                add(snapshot("s2", tick, used // 2, instance="s2-1"))
    return found


def hash_of(service: str) -> int:
    """Return a partition that depends on the name alone."""
    return sum(service.encode()) % 2


def pieces(records: Sequence[Record], sizes: Iterator[int]) -> Iterator[Sequence[Record]]:
    """Cut records into batches of these sizes."""
    at = 0
    while at < len(records):
        size = next(sizes)
        yield records[at : at + size]
        at += size
