"""`fleetleak replay-dead-letters`: put repaired records back where they came from, in order."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer

from fleetleak.cli import CommandFailed
from fleetleak.cli.connect import checked_topics
from fleetleak.kafka import client
from fleetleak.kafka.runtime.dead_letter import Origin, origin
from fleetleak.kafka.scan import Unreadable as NotRead
from fleetleak.kafka.scan import scan
from fleetleak.records import Decoder, Score, Snapshot, Unreadable
from fleetleak.settings import Loaded, Settings

HELP = "put repaired snapshots from the dead letter back in, in order"
SECTIONS = ("kafka", "topics", "log")


class _Letter(NamedTuple):
    origin: Origin
    key: bytes
    value: bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--reason", help="only those with this reason, such as newer-schema")
    parser.add_argument(
        "--repaired", metavar="FILE", help="send the lines of this file instead, in their order"
    )
    parser.add_argument(
        "--export", metavar="FILE", help="only write the values there, a line each, to repair them"
    )


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Send what can be read now; say what became of the rest."""
    settings = loaded.settings
    names = checked_topics(settings)
    try:
        letters = sorted(_letters(settings, names.dead_letter, names.snapshots, arguments.reason))
        if arguments.export:
            Path(arguments.export).write_bytes(b"".join(letter.value + b"\n" for letter in letters))
            print(f"wrote {len(letters)} values to {arguments.export}")
            return 0
        values = _repaired(arguments.repaired) if arguments.repaired else [letter.value for letter in letters]
        newest = _newest(settings, names.scores)
    except (NotRead, OSError) as error:
        raise CommandFailed(str(error)) from None
    outcome = _send(settings, names.snapshots, values, newest)
    print(", ".join(f"{count} {what}" for what, count in sorted(outcome.items())) or "nothing to send")
    return 1 if outcome["still unreadable"] else 0


def _letters(settings: Settings, topic: str, source: str, reason: str | None) -> Iterator[_Letter]:
    for message in scan(settings.kafka, topic, settings.topics.partitions):
        found = origin(message.headers())  # type: ignore[arg-type]
        if found is not None and found.topic == source and reason in (None, found.reason):
            yield _Letter(found, message.key() or b"", message.value() or b"")


def _repaired(file: str) -> list[bytes]:
    return [line for line in Path(file).read_bytes().splitlines() if line.strip()]


def _newest(settings: Settings, topic: str) -> dict[tuple[str, str], float]:
    """Give the newest scored time of each instance: what is not newer would be refused as late."""
    decode = Decoder(Score).decode
    found: dict[tuple[str, str], float] = {}
    for message in scan(settings.kafka, topic, settings.topics.partitions):
        score = decode(message.value())
        place = score.service, score.instance
        found[place] = max(score.time, found.get(place, 0.0))
    return found


def _send(
    settings: Settings, topic: str, values: list[bytes], newest: dict[tuple[str, str], float]
) -> Counter[str]:
    outcome: Counter[str] = Counter()
    decode = Decoder(Snapshot).decode
    producer = Producer(client.producer(settings.kafka))
    for value in values:
        try:
            snapshot = decode(value)
        except Unreadable:
            outcome["still unreadable"] += 1
            continue
        place = snapshot.service, snapshot.instance
        if snapshot.timestamp <= newest.get(place, 0.0):
            outcome["refused as late"] += 1
            continue
        newest[place] = snapshot.timestamp
        producer.produce(topic, value, snapshot.service)
        producer.poll(0)
        outcome["sent"] += 1
    if left := producer.flush(30):
        raise CommandFailed(f"the brokers did not take {left} records")
    return outcome
