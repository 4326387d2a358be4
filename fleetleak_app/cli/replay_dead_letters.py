"""`fleetleak replay-dead-letters`: put repaired snapshots back on their topic, in order."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fleetleak.kafka import client
from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Decoder, Score, Snapshot, Unreadable
from fleetleak.settings import Loaded, Settings
from fleetleak.stream.dead_letter import Origin, origin_of
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.connect import checked_topics

HELP = "put repaired snapshots from the dead letter back in, in order"
SECTIONS = ("kafka", "topics", "log")
_UNREADABLE = "still unreadable"
_NOT_TAKEN = "not taken by the brokers"
_OUTCOMES = ("sent", _UNREADABLE, "refused as late", _NOT_TAKEN)


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
        "--export", metavar="FILE", help="only write the values to this file, one per line, to repair them"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Send the snapshots that can be read now; print how many of each outcome there are."""
    settings = loaded.settings
    names = checked_topics(settings)
    try:
        letters = sorted(_letters(settings, names.dead_letter, names.snapshots, arguments.reason))
        if arguments.export:
            Path(arguments.export).write_bytes(b"".join(_line(letter.value) for letter in letters))
            _print_export(len(letters), arguments)
            return 0
        values = _repaired(arguments.repaired) if arguments.repaired else [letter.value for letter in letters]
        newest = _newest(settings, names.scores)
    except (ScanFailed, OSError) as error:
        raise CommandFailed(str(error)) from None
    outcome = _send(settings, names.snapshots, values, newest)
    if arguments.json:
        print(orjson.dumps({what.replace(" ", "_"): outcome[what] for what in _OUTCOMES}).decode())
    else:
        print(", ".join(f"{count} {what}" for what, count in sorted(outcome.items())) or "nothing to send")
    # A dead letter may stay unreadable; a line that somebody repaired must not.
    return 1 if outcome[_NOT_TAKEN] or (arguments.repaired and outcome[_UNREADABLE]) else 0


def _print_export(count: int, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(orjson.dumps({"exported": count, "file": arguments.export}).decode())
    else:
        print(f"wrote {count} values to {arguments.export}")


def _letters(settings: Settings, topic: str, source: str, reason: str | None) -> Iterator[_Letter]:
    for letter in decoded(settings, topic, _letter, say):
        if letter.origin.topic == source and reason in (None, letter.origin.reason):
            yield letter


def _letter(message: Message) -> _Letter:
    return _Letter(origin_of(message), message.key() or b"", message.value() or b"")


def _line(value: bytes) -> bytes:
    # JSON has newlines only between values, where a blank means the same.
    return value.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _repaired(file: str) -> list[bytes]:
    return [line for line in Path(file).read_bytes().splitlines() if line.strip()]


def _newest(settings: Settings, topic: str) -> dict[tuple[str, str], float]:
    """Return the newest scored time of each instance; an older snapshot would be dropped as late."""
    newest: dict[tuple[str, str], float] = {}
    for score in decoded(settings, topic, value(Decoder(Score).decode), say):
        place = score.service, score.instance
        newest[place] = max(score.time, newest.get(place, 0.0))
    return newest


class _Outcome:
    """How many values had each outcome; prints the first error of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, what: str, error: str = "") -> None:
        if error and not self.counts[what]:
            say(f"the first that was {what}: {error}")
        self.counts[what] += 1


def _send(
    settings: Settings, topic: str, values: list[bytes], newest: dict[tuple[str, str], float]
) -> Counter[str]:
    outcome = _Outcome()
    decode = Decoder(Snapshot).decode
    producer = Producer(client.producer(settings.kafka))
    for line in values:
        try:
            snapshot = decode(line)
        except Unreadable as error:
            outcome.add(_UNREADABLE, str(error))
            continue
        place = snapshot.service, snapshot.instance
        if snapshot.timestamp <= newest.get(place, 0.0):
            outcome.add("refused as late")
            continue
        newest[place] = snapshot.timestamp
        _produce(producer, topic, line, snapshot.service, outcome)
    if left := producer.flush(30):
        raise CommandFailed(f"the brokers did not take {left} records")
    return outcome.counts


def _produce(producer: Producer, topic: str, line: bytes, key: str, outcome: _Outcome) -> None:
    def delivered(error: KafkaError | None, _: Message) -> None:
        outcome.add(*(("sent",) if error is None else (_NOT_TAKEN, error.str())))

    while True:
        try:
            producer.produce(topic, line, key, on_delivery=delivered)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.5)
        except KafkaException as error:
            outcome.add(_NOT_TAKEN, error.args[0].str())
            return
