"""What a role supplies to the stateful runtime: small, and free of Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from fleetleak.observe import metrics


class Topics(NamedTuple):
    """The topics of one role, by their full names.

    Parameters
    ----------
    input
        Its records are applied by `Role.apply`.
    state
        The compacted topic of its checkpoints; None for a role that keeps nothing.
    dead_letter
        Takes the records that the role cannot use.
    side
        Further inputs with as many partitions as `input`. Their records are applied by `Role.control`.
        Kafka does not order two topics, so each such record is checkpointed where it is applied.
    foreign
        Whether the input belongs to others. Its records may hold secrets: a dead letter has neither key nor
        value, and nothing of a value is logged. They may also be large, so fewer are read at once.
    """

    input: str
    state: str | None
    dead_letter: str
    side: tuple[str, ...] = ()
    foreign: bool = False

    @property
    def read(self) -> list[str]:
        """Topics to consume: the input, then the side topics."""
        return [self.input, *self.side]


class Record(msgspec.Struct, gc=False):
    """One record as a role sees it.

    Parameters
    ----------
    appended
        The broker's time of it, unix seconds.
    clock
        The newest `appended` of the partition up to and including this record, unix seconds. In a replay it
        may be earlier, but never later. 0 for a record of a side topic.
    topic
        Where it comes from.
    """

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    appended: float
    clock: float = 0.0
    topic: str = ""


class Key(NamedTuple):
    """What state belongs to: a record key within its partition.

    The partition is part of it, so that results do not depend on which partitions share a process.
    """

    partition: int
    name: bytes


class Output(msgspec.Struct, gc=False):
    """One record to publish.

    Parameters
    ----------
    partition
        None lets the partitioner choose.
    transition
        A key that is checkpointed in the same transaction. The output is published even if a replay produces
        it: had it been published before, the checkpoint would include it.
    note
        A line for the log, written when the output is committed.
    """

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None = None
    transition: Key | None = None
    note: str | None = None


class Rejected(msgspec.Struct, gc=False):
    """An input record that the role cannot use, for the dead letter."""

    record: Record
    reason: str
    message: str


@dataclass
class Applied:
    """What came of a batch.

    Parameters
    ----------
    outputs, rejected
        Records to publish, and records for the dead letter.
    changed
        Keys whose state changed, with the offset of the first record that changed it. They are due for a
        checkpoint. None: every record that was not rejected changed its key.
    required
        Keys to checkpoint in the same transaction, because a replay could not repeat their change.
    counts, levels
        What to add to counters, and what to set gauges to, when the batch is committed. A replay and an
        aborted transaction do not count.
    """

    outputs: list[Output] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    changed: dict[Key, int] | None = None
    required: set[Key] = field(default_factory=set)
    counts: Counter[metrics.Count] = field(default_factory=Counter)
    levels: dict[metrics.Gauge, float] = field(default_factory=dict)

    def count(self, counter: metrics.Counter, *labels: str, n: int = 1) -> None:
        """Add to a counter of `fleetleak.observe.metrics`, with its label values."""
        self.counts[counter, *labels] += n

    def collect(self, outputs: Iterable[Output], counts: Iterable[tuple[metrics.Count, int]]) -> None:
        """Add what came of one record."""
        self.outputs += outputs
        for counter, n in counts:
            self.counts[counter] += n

    def add(self, other: Applied) -> None:
        """Add what came of a later piece of the batch; `changed` is left as it is."""
        self.outputs += other.outputs
        self.rejected += other.rejected
        self.required |= other.required
        self.counts += other.counts
        self.levels |= other.levels


class Role(Protocol):
    """A pure function of each key's own records, with state that can be taken out and put back.

    Anything else that changes state is a record of a side topic. Nothing here may depend on a clock, on
    chance, on how the input is cut into batches, or on which partitions share the process. A role writes no
    metrics: it returns counts. Most roles are simpler to write on `fleetleak.stream.Keyed`.
    """

    @property
    def fingerprint(self) -> str:
        """Version of code and configuration. Stored state of another one starts cold, and is counted."""

    def apply(self, records: Sequence[Record]) -> Applied:
        """Apply input records; those of one partition are in its order."""

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Apply one record of a side topic; return the key that it changed, if any, and what came of it."""

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Return the exact states of keys, in their order; None for a key that has none any more."""

    def load(self, key: Key, state: bytes) -> None:
        """Put a state back.

        Raises
        ------
        ValueError
            If the state cannot be read; the key then starts cold.
        """

    def drop(self, partition: int) -> None:
        """Forget every key of a partition."""
