"""State of earlier versions, and answers that a real broker gives only for moments.

tests/faults tests the rest with a real one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaException

from fleetleak.observe import metrics
from fleetleak.stream import Key, Topics
from fleetleak.stream.checkpoint import CUT, RAW, Checkpoint, Cut, record_key, to_records
from fleetleak.stream.cluster import Cluster
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.restore import Restore
from processors.models.codec import seal
from tests.processors.series import fleet, role


class Admin:
    """Answers with one offset after another, for every partition asked for."""

    def __init__(self, *offsets: int) -> None:
        self._offsets: Iterator[int] = iter(offsets)

    def list_offsets(self, asked: dict[Any, Any], **_: Any) -> dict[Any, Future[Any]]:
        answers = {}
        for place in asked:
            answers[place] = Future[Any]()
            answers[place].set_result(SimpleNamespace(offset=next(self._offsets)))
        return answers


def test_a_negative_offset_is_no_answer() -> None:
    admin: Any = Admin(-1001, 7)
    cluster = Cluster(lambda: admin, Topics("snapshots", None, "dead-letter"), lambda wanted: wanted)
    with pytest.raises(KafkaException, match="no offset yet"):
        cluster.input_ends([0])
    assert cluster.input_ends([0]) == {0: 7}


TOPICS = Topics("snapshots", "models", "dead-letter")
ID = "topic-id"


class Answers:
    """A cluster in which partition 0 was committed at offset 900."""

    def identify(self) -> tuple[str, int]:
        return ID, 1

    def committed(self, numbers: Collection[int]) -> dict[int, dict[str, int]]:
        return {number: {"snapshots": 900} for number in numbers}

    def state_ends(self, numbers: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, 1)

    def lows(self, numbers: Collection[int]) -> dict[int, dict[str, int]]:
        return {number: {"snapshots": 0} for number in numbers}

    def input_ends(self, numbers: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(numbers, 1000)


class Values:
    """A reader that has read these values of partition 0."""

    received = 0

    def __init__(self, values: dict[bytes, bytes]) -> None:
        self.values = {0: values}

    def start(self, ends: dict[int, int]) -> None: ...

    def step(self) -> bool:
        return True

    def finish(self) -> None:
        self.values = {}


def raw(name: bytes, state: bytes) -> bytes:
    checkpoint = Checkpoint(41, ID, role().fingerprint, [], 1, state, RAW)
    (value,) = [value for _, value in to_records(name, checkpoint, 1)]
    assert value is not None
    return value


def earlier(state: bytes) -> bytes:
    """Return what the version before raw states wrote."""
    payload = msgspec.msgpack.encode([41, ID, role().fingerprint, [], 1, zlib.compress(state, 1)])
    return b"FLC1" + zlib.crc32(payload).to_bytes(4, "big") + payload


def refused(reason: str) -> float:
    counted = metrics.REGISTRY.get_sample_value(
        "fleetleak_runtime_checkpoints_refused_total", {"reason": reason}
    )
    return counted or 0.0


def restored(values: dict[bytes, bytes], made: Any) -> Partition:
    partition = Partition(0, FloodGate(100, 0.5), TOPICS)
    cluster: Any = Answers()
    reader: Any = Values({record_key(name, 0): value for name, value in values.items()})
    reader.values[0][CUT] = Cut(42, 900, ID).to_value()
    restore = Restore([partition], made, cluster, reader, 60.0)
    while not restore.step():
        pass
    assert partition.phase is Phase.REPLAYING
    return partition


def test_states_of_this_and_of_an_earlier_version_are_restored_side_by_side() -> None:
    before, after = role(), role()
    records = fleet(services=4, ticks=30)
    before.apply(records)
    names = sorted({record.key or b"" for record in records if record.partition == 0})
    states = dict(zip(names, before.dump([Key(0, name) for name in names]), strict=True))
    values = {
        name: raw(name, state or b"") if number % 2 else earlier(state or b"")
        for number, (name, state) in enumerate(states.items())
    }
    damaged = bytearray(raw(b"damaged", states[names[0]] or b""))
    damaged[-1] ^= 1
    counted = refused("corrupt")
    partition = restored({**values, b"damaged": bytes(damaged)}, after)
    assert partition.keys == len(names) == 2
    assert after.dump([Key(0, name) for name in names]) == list(states.values())
    assert refused("corrupt") == counted + 1


def test_a_state_with_a_right_checksum_that_is_none_starts_cold() -> None:
    made, counted = role(), refused("unreadable")
    record = fleet(services=1, ticks=1)[0]
    key = Key(0, record.key or b"")
    partition = restored({key.name: raw(key.name, seal(b"\x91\xc0", "service/3"))}, made)
    assert (refused("unreadable"), partition.keys) == (counted + 1, 0)
    made.apply([msgspec.structs.replace(record, partition=0)])
    fresh = role()
    fresh.apply([msgspec.structs.replace(record, partition=0)])
    assert made.dump([key]) == fresh.dump([key])
