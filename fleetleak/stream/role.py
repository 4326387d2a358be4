"""What a role supplies to the stateful runtime: small, and free of Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec


class Record(msgspec.Struct, gc=False):
    """One input record; `appended` is the broker's time of it, in unix seconds."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    appended: float


class Key(NamedTuple):
    """What state belongs to: a record key within its partition.

    The partition is part of it, so that results do not depend on which partitions share a process.
    """

    partition: int
    name: bytes


class Output(msgspec.Struct, gc=False):
    """One record to publish; `partition` None lets the partitioner choose.

    `transition` marks an output whose key must be checkpointed in the same transaction, and which is
    published even if a replay finds it: were it published before, the checkpoint would include it.
    `note` goes to the log once the output is committed.
    """

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None = None
    transition: Key | None = None
    note: str | None = None


class Rejected(msgspec.Struct, gc=False):
    """An input record that cannot be used, for the dead letter."""

    record: Record
    reason: str
    message: str


@dataclass
class Applied:
    """What came of a batch."""

    outputs: list[Output] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Role(Protocol):
    """A pure function of each key's own records, with state that can be taken out and put back.

    Anything else that changes state is a control record. Nothing here may depend on a clock, on chance,
    on how the input is cut into batches, or on which partitions share the process.
    """

    NAME: str

    @property
    def fingerprint(self) -> str:
        """Version of code and configuration; stored state of another one starts cold, counted."""

    def apply(self, records: Sequence[Record]) -> Applied:
        """Apply input records, each partition's in order."""

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Apply one control record; give the key it changed."""

    def dump(self, key: Key) -> bytes | None:
        """Exact state of a key; None if there is none any more."""

    def load(self, key: Key, state: bytes) -> None:
        """Put a state back.

        Raises
        ------
        ValueError
            If the state cannot be read; the key is then new.
        """

    def drop(self, partition: int) -> None:
        """Forget every key of a partition."""
