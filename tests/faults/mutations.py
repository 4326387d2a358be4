"""Each step of the protocol, taken out: the suite must notice (tests/faults/test_mutations.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import TopicPartition

from fleetleak.stream import commit
from fleetleak.stream.checkpoint import Checkpoint
from fleetleak.stream.partition import Partition
from fleetleak.stream.restore import _LATEST, Restore
from fleetleak.stream.transaction import Transaction
from tests.faults.inject import WatchedConsumer


def outputs_without_offsets() -> None:
    """Commit the outputs, but not how far the input was read."""
    original = Transaction.commit

    def mutated(self: Transaction, offsets: list[TopicPartition]) -> None:
        original(self, [])

    Transaction.commit = mutated  # type: ignore[method-assign]


def restore_without_replay() -> None:
    """Go on at the committed offset with the state of the checkpoints."""
    original = Restore._apply_cut

    def mutated(self: Restore, partition: Partition, value: bytes | None) -> bool:
        used = original(self, partition, value)
        partition.position = partition.live_from
        return used

    Restore._apply_cut = mutated  # type: ignore[method-assign]


def checkpoint_without_offset() -> None:
    """Do not say which input a checkpoint includes."""

    def mutated(offset: int, *rest: Any) -> Checkpoint:
        return Checkpoint(-1, *rest)

    commit.Checkpoint = mutated  # type: ignore[attr-defined, assignment]


def metadata_at_commit() -> None:
    """Ask for the group metadata when committing, not when polling."""
    original = Transaction.commit

    def mutated(self: Transaction, offsets: list[TopicPartition]) -> None:
        self._metadata = WatchedConsumer.newest.consumer_group_metadata()
        original(self, offsets)

    Transaction.commit = mutated  # type: ignore[method-assign]


def state_before_offsets() -> None:
    """Ask for the end of the state topic before the committed offsets are stable."""
    run, offsets = Restore._run, Restore._offsets

    def mutated(self: Restore) -> Iterator[bool]:
        early = offsets(self, str(self._state), _LATEST)

        def answer(topic: str, spec: Any) -> dict[int, int]:
            return early if spec is _LATEST else offsets(self, topic, spec)

        self._offsets = answer  # type: ignore[method-assign]
        yield from run(self)

    Restore._run = mutated  # type: ignore[method-assign]


MUTATIONS: dict[str, Callable[[], None]] = {
    "outputs-without-offsets": outputs_without_offsets,
    "restore-without-replay": restore_without_replay,
    "checkpoint-without-offset": checkpoint_without_offset,
    "metadata-at-commit": metadata_at_commit,
    "state-before-offsets": state_before_offsets,
}
