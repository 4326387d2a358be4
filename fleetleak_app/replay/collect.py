"""The results of a replay through Kafka, read from its topics in order of time, with bounded memory."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec
from confluent_kafka import Message

from fleetleak.kafka.read import Say, decoded, value
from fleetleak.records import Alert, Decoder, Score
from fleetleak.stream.dead_letter import Origin, origin_of
from fleetleak_app.replay.cluster import Cluster
from fleetleak_app.replay.write import in_order

_BATCH_RECORDS = 5000


class _Timed(msgspec.Struct):
    time: float


_timed = msgspec.json.Decoder(_Timed).decode


def _time(line: bytes) -> float:
    return _timed(line).time


class Scores:
    """The scores of a cluster, copied to one file per partition, so that they can be merged by time."""

    def __init__(self, cluster: Cluster, say: Say) -> None:
        self._directory = cluster.directory
        self.ends: dict[int, int] = {}
        with contextlib.ExitStack() as stack:
            files: dict[int, IO[bytes]] = {}
            for message, line in decoded(cluster.settings, cluster.names.scores, _score, say):
                number = message.partition() or 0
                if number not in files:
                    files[number] = stack.enter_context(self._file(number).open("wb"))
                files[number].write(line + b"\n")
                self.ends[number] = (message.offset() or 0) + 1

    def batches(self) -> Iterator[list[bytes]]:
        """Yield all scores in order of time; those of one partition keep its order."""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(self._file(n).open("rb")) for n in sorted(self.ends)]
            lines = (line.removesuffix(b"\n") for line in heapq.merge(*files, key=_time))
            while batch := list(islice(lines, _BATCH_RECORDS)):
                yield batch

    def _file(self, number: int) -> Path:
        return self._directory / f"scores-{number}.jsonl"


def alerts(cluster: Cluster, say: Say) -> list[bytes]:
    """Return the transitions, as JSON, in order of time."""
    return in_order(list(decoded(cluster.settings, cluster.names.alerts, value(_alert), say)))


def unreadable(cluster: Cluster, say: Say) -> list[str]:
    """Return the error of each dead letter: those of snapshots first, then those of scores, by offset."""
    origins = decoded(cluster.settings, cluster.names.dead_letter, origin_of, say)

    def place(letter: Origin) -> tuple[bool, int, int]:
        return letter.topic != cluster.names.snapshots, letter.offset, letter.partition

    return [letter.error for letter in sorted(origins, key=place)]


_read_score, _read_alert = Decoder(Score).decode, Decoder(Alert).decode


def _score(message: Message) -> tuple[Message, bytes]:
    """Return a message and its score as one line; refuse what is not a score."""
    _read_score(message.value())
    return message, (message.value() or b"").replace(b"\n", b" ")


def _alert(value: bytes | None) -> bytes:
    _read_alert(value)
    return value or b""
