"""What a commit sends: the checkpoints that are due, in order, and the cut of each partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest

from fleetleak.observe import metrics
from fleetleak.stream import Key, Output, Topics
from fleetleak.stream import commit as module
from fleetleak.stream.checkpoint import CUT, RAW, ZLIB, Checkpoint, from_records, record_key
from fleetleak.stream.commit import Committer
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import Partition

TOPICS = Topics("snapshots", "models", "dead-letter", ("feedback",))


class Transaction:
    """Keeps what is published."""

    open = True

    def __init__(self) -> None:
        self.sent: list[Output] = []

    def publish(self, outputs: Sequence[Output]) -> None:
        self.sent += outputs

    def commit(self, offsets: Sequence[object]) -> None:
        self.offsets = offsets


class Role:
    """Its states are the names of keys; a key `gone` has none. It notes what is asked for at once."""

    fingerprint = "role/1"

    def __init__(self) -> None:
        self.asked: list[list[Key]] = []

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        self.asked.append(list(keys))
        return [None if key.name == b"gone" else key.name for key in keys]


def live(number: int, *dirty: bytes) -> Partition:
    partition = Partition(number, FloodGate(100, 0.5), TOPICS)
    partition.positions.start("topic-id", 2, {"snapshots": 50, "feedback": 0})
    partition.replay()
    partition.go_live()
    for offset, name in enumerate(dirty):
        partition.dirty.touch(name, offset)
    return partition


@pytest.fixture
def sent() -> Transaction:
    return Transaction()


def committer(role: Any, transaction: Any) -> Committer:
    return Committer(role, TOPICS, transaction)


def keys_of(transaction: Transaction) -> list[tuple[int | None, bytes]]:
    return [(output.partition, output.key) for output in transaction.sent]


def checkpoint(transaction: Transaction, name: bytes) -> Checkpoint:
    (value,) = [output.value for output in transaction.sent if output.key == record_key(name, 0)]
    return from_records({0: value or b""})


def counted(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"fleetleak_runtime_{name}_total") or 0.0


def test_all_that_is_due_is_dumped_at_once_and_sent_by_partition(sent: Transaction) -> None:
    role, owned = Role(), {1: live(1, b"c", b"gone"), 0: live(0, b"a", b"b"), 2: live(2)}
    made = committer(role, sent)
    made.require([Key(0, b"x"), Key(0, b"b")])
    made.commit(owned, 1.0)
    assert role.asked == [[Key(0, b"b"), Key(0, b"x"), Key(0, b"a"), Key(1, b"c"), Key(1, b"gone")]]
    assert keys_of(sent) == [
        *((0, record_key(name, 0)) for name in (b"b", b"x", b"a")), (0, CUT),
        *((1, record_key(name, 0)) for name in (b"c", b"gone")), (1, CUT),
    ]  # fmt: skip
    assert [len(partition.dirty) for partition in owned.values()] == [0, 0, 0]
    assert (checkpoint(sent, b"a").state, checkpoint(sent, b"a").form) == (b"a", RAW)
    assert (checkpoint(sent, b"gone").state, checkpoint(sent, b"gone").form) == (b"", ZLIB)


def test_it_is_dumped_in_pieces(sent: Transaction) -> None:
    names = [b"k%d" % number for number in range(7)]
    role, owned = Role(), {0: live(0, *names)}
    with mock.patch.object(module, "_AT_ONCE", 3):
        committer(role, sent).commit(owned, 1.0)
    assert [[key.name for key in asked] for asked in role.asked] == [names[:3], names[3:6], names[6:]]
    assert keys_of(sent) == [*((0, record_key(name, 0)) for name in names), (0, CUT)]


def test_what_is_required_is_written_although_the_transaction_is_large(sent: Transaction) -> None:
    role, owned = Role(), {0: live(0, b"a", b"b", b"c"), 1: live(1, b"d")}
    made = committer(role, sent)
    made.require([Key(1, b"x")])
    with mock.patch.object(module, "_AT_ONCE", 2), mock.patch.object(module, "MOST_BYTES", 1):
        made.commit(owned, 1.0)
    assert keys_of(sent) == [(0, record_key(b"a", 0)), (0, CUT), (1, record_key(b"x", 0)), (1, CUT)]
    assert (owned[0].dirty.all(), owned[1].dirty.all()) == ([b"b", b"c"], [b"d"]), "they wait for another one"


def test_no_partition_waits_for_the_others_where_a_transaction_is_large(sent: Transaction) -> None:
    role, owned = Role(), {0: live(0, b"a", b"b"), 1: live(1, b"c", b"d")}
    with mock.patch.object(module, "_AT_ONCE", 2), mock.patch.object(module, "MOST_BYTES", 1):
        committer(role, sent).commit(owned, 1.0)
    assert (owned[0].dirty.all(), owned[1].dirty.all()) == ([b"b"], [b"d"])


def test_bytes_are_counted_as_they_are_sent(sent: Transaction) -> None:
    before = counted("checkpoints"), counted("checkpoint_bytes")
    committer(Role(), sent).commit({0: live(0, b"a", b"b")}, 1.0)
    sent_bytes = sum(len(output.value or b"") for output in sent.sent if output.key != CUT)
    assert (counted("checkpoints"), counted("checkpoint_bytes")) == (before[0] + 2, before[1] + sent_bytes)
