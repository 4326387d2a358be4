"""Stored state as commands see it: the newest checkpoint of every key, read from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fleetleak.kafka.runtime.checkpoint import (
    CUT,
    GONE,
    BadCheckpoint,
    Checkpoint,
    expand,
    from_records,
    split_key,
)
from fleetleak.kafka.scan import scan
from fleetleak.settings.tree import Kafka


class Stored(NamedTuple):
    """One key's checkpoint; `checkpoint` is None where it cannot be read, and `problem` says why."""

    partition: int
    name: str
    checkpoint: Checkpoint | None
    problem: str = ""


def stored(kafka: Kafka, topic: str, partitions: int) -> Iterator[Stored]:
    """Give the newest checkpoint of every key of a state topic, by partition and name."""
    newest: dict[tuple[int, bytes], dict[int, bytes]] = {}
    for message in scan(kafka, topic, partitions):
        key, value = message.key() or b"", message.value()
        if key == CUT:
            continue
        try:
            name, part = split_key(key)
        except BadCheckpoint:
            continue
        place = message.partition() or 0, name
        if value is None:
            newest.get(place, {}).pop(part, None)
        else:
            newest.setdefault(place, {})[part] = value
    for (partition, name), parts in sorted(newest.items()):
        if parts and not _gone(found := _read(partition, name.decode(errors="replace"), parts)):
            yield found


def _gone(found: Stored) -> bool:
    return found.checkpoint is not None and found.checkpoint.state == GONE


def _read(partition: int, name: str, parts: dict[int, bytes]) -> Stored:
    try:
        checkpoint = from_records(parts)
        if checkpoint.state != GONE:
            checkpoint.state = expand(checkpoint.state)
        return Stored(partition, name, checkpoint)
    except BadCheckpoint as error:
        return Stored(partition, name, None, str(error))
