"""The protocol with one step removed: the suite must notice (tests/faults/test_mutations.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from confluent_kafka import TopicPartition

from fleetleak.stream.checkpoint import Cut
from fleetleak.stream.cluster import Cluster
from fleetleak.stream.partition import Partition
from fleetleak.stream.positions import Positions
from fleetleak.stream.transaction import Transaction
from tests.faults.inject import WatchedConsumer


def outputs_without_offsets() -> None:
    """Commit the outputs, but not how far the input was read."""
    original = Transaction.commit

    def mutated(self: Transaction, offsets: list[TopicPartition]) -> None:
        original(self, [])

    Transaction.commit = mutated  # type: ignore[method-assign]


def restore_without_replay() -> None:
    """Continue at the committed offset with the state of the checkpoints."""
    original = Positions.fit

    def mutated(self: Positions, cut: Cut) -> bool:
        return original(self, msgspec.structs.replace(cut, replay_from=cut.position))

    Positions.fit = mutated  # type: ignore[method-assign]


def checkpoint_without_offset() -> None:
    """Do not say which input a checkpoint includes."""
    original = Partition.restored

    def mutated(self: Partition, name: bytes, offset: int, controls: list[tuple[int, int]]) -> None:
        original(self, name, -1, controls)

    Partition.restored = mutated  # type: ignore[method-assign]


def metadata_at_commit() -> None:
    """Ask for the group metadata when committing, not when polling."""
    original = Transaction.commit

    def mutated(self: Transaction, offsets: list[TopicPartition]) -> None:
        self._metadata = WatchedConsumer.newest.consumer_group_metadata()
        original(self, offsets)

    Transaction.commit = mutated  # type: ignore[method-assign]


def state_before_offsets() -> None:
    """Ask for the end of the state topic before the committed offsets are stable."""
    committed = Cluster.committed

    def mutated(self: Cluster, numbers: Iterable[int]) -> dict[int, dict[str, int]]:
        early = self.state_ends(numbers)
        self.state_ends = lambda _numbers: early  # type: ignore[method-assign, assignment]
        return committed(self, numbers)

    Cluster.committed = mutated  # type: ignore[method-assign]


MUTATIONS: dict[str, Callable[[], None]] = {
    "outputs-without-offsets": outputs_without_offsets,
    "restore-without-replay": restore_without_replay,
    "checkpoint-without-offset": checkpoint_without_offset,
    "metadata-at-commit": metadata_at_commit,
    "state-before-offsets": state_before_offsets,
}
