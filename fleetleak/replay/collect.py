"""What a replay through Kafka left on its topics, in the order of time, with bounded memory."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec

from fleetleak.kafka.runtime.dead_letter import Origin, origin
from fleetleak.kafka.scan import scan
from fleetleak.replay.cluster import Cluster
from fleetleak.replay.write import in_order

_BATCH_RECORDS = 5000


class _Timed(msgspec.Struct):
    time: float


_timed = msgspec.json.Decoder(_Timed).decode


def _time(line: bytes) -> float:
    return _timed(line).time


class Scores:
    """The scores of a cluster, copied to a file for each partition: so they can be merged by time."""

    def __init__(self, cluster: Cluster) -> None:
        self._directory = cluster.directory
        self.ends: dict[int, int] = {}
        with contextlib.ExitStack() as stack:
            files: dict[int, IO[bytes]] = {}
            for message in scan(cluster.settings.kafka, cluster.names.scores, _partitions(cluster)):
                number = message.partition() or 0
                if number not in files:
                    files[number] = stack.enter_context(self._file(number).open("wb"))
                files[number].write((message.value() or b"") + b"\n")
                self.ends[number] = (message.offset() or 0) + 1

    def batches(self) -> Iterator[list[bytes]]:
        """Give all of them by time; those of one partition stay in its order."""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(self._file(n).open("rb")) for n in sorted(self.ends)]
            lines = (line.removesuffix(b"\n") for line in heapq.merge(*files, key=_time))
            while batch := list(islice(lines, _BATCH_RECORDS)):
                yield batch

    def _file(self, number: int) -> Path:
        return self._directory / f"scores-{number}.jsonl"


def alerts(cluster: Cluster) -> list[bytes]:
    """Give the transitions in order of time."""
    found = scan(cluster.settings.kafka, cluster.names.alerts, _partitions(cluster))
    return in_order([message.value() or b"" for message in found])


def unreadable(cluster: Cluster) -> list[str]:
    """Give what was said of each dead letter: of snapshots first, then of scores, by offset."""
    letters = scan(cluster.settings.kafka, cluster.names.dead_letter, _partitions(cluster))
    origins = [o for letter in letters if (o := origin(letter.headers())) is not None]  # type: ignore[arg-type]

    def place(letter: Origin) -> tuple[bool, int, int]:
        return letter.topic != cluster.names.snapshots, letter.offset, letter.partition

    return [letter.error for letter in sorted(origins, key=place)]


def _partitions(cluster: Cluster) -> int:
    return cluster.settings.topics.partitions
