"""Restore: bring the state of newly owned partitions back, slice by slice, between polls.

1. Ask for the committed offsets, with read_committed semantics. That waits until the old owner's pending
   transaction is decided.
2. Only then ask for the end of the state topic. Asked for earlier, it would miss what that transaction
   commits in between.
3. Read the state topic to that end.
4. Load each key's newest checkpoint into the role.
5. Hold the start against what the input topics still have.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator, Iterator
from typing import TypeVar

from confluent_kafka import KafkaException

from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.stream.checkpoint import CUT, Checkpoint, Cut, from_records, split_key, state_of
from fleetleak.stream.cluster import Cluster
from fleetleak.stream.errors import Aborted, BadCheckpoint, Refused, Stalled
from fleetleak.stream.partition import Partition
from fleetleak.stream.role import Key, Role
from fleetleak.stream.state_reader import StateReader

log = logging.getLogger(__name__)

T = TypeVar("T")

_SLICE_SECONDS = 0.25
_RETRY_SECONDS = 0.05


class Restore:
    """Brings a set of partitions from RESTORING to REPLAYING; call `step` until it returns True.

    Parameters
    ----------
    reader
        None for a role without state.
    stall_seconds
        Longest time without progress.
    """

    def __init__(
        self,
        partitions: Collection[Partition],
        role: Role,
        cluster: Cluster,
        reader: StateReader | None,
        stall_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._partitions = {p.number: p for p in partitions}
        self._role = role
        self._cluster = cluster
        self._reader = reader
        self._stall_seconds = stall_seconds
        self._clock = clock
        # Partitions whose state is not in memory.
        self._cold: dict[int, Partition] = {}
        self._trouble = "it does not answer"
        self._progress()
        self._steps = self._run()

    def step(self) -> bool:
        """Go on for a short while; return whether all is restored.

        Raises
        ------
        Stalled, Refused
        """
        if self._clock() > self._deadline:
            raise Stalled(
                f"a restore made no progress; the cluster may be unwell, or a transaction hangs"
                f" (`fleetleak doctor` looks for both): {self._trouble}"
            )
        return next(self._steps, True)

    def hold(self) -> None:
        """Start the time limit anew: while Kafka is away there can be no progress."""
        self._progress()

    def _progress(self) -> None:
        self._deadline = self._clock() + self._stall_seconds

    def _run(self) -> Iterator[bool]:
        yield from self._find_positions()
        if self._cold and self._reader is not None:
            yield from self._read_state(self._reader)
        if self._cold:
            yield from self._hold_to_input()
        for partition in self._partitions.values():
            partition.replay()
        behind = sum(p.positions.behind for p in self._partitions.values())
        extra = {"partitions": sorted(self._partitions), "records": behind}
        log.info("state restored, replaying", extra=extra)

    def _insist(self, ask: Callable[[], T]) -> Generator[bool, None, T]:
        """Ask until there is an answer: leaders move, brokers restart, transactions are pending."""
        while True:
            try:
                return ask()
            except KafkaException as error:
                if denied(error.args[0]):
                    raise
                self._trouble = error.args[0].str()
                time.sleep(_RETRY_SECONDS)
                yield False

    def _find_positions(self) -> Iterator[bool]:
        """Step 1. Partitions that no other process owned in between keep what is in memory."""
        topic_id, count = yield from self._insist(self._cluster.identify)
        committed = yield from self._insist(lambda: self._cluster.committed(self._partitions))
        self._cold = {
            number: partition
            for number, partition in self._partitions.items()
            if not partition.is_current(committed[number])
        }
        for number, partition in self._cold.items():
            self._role.drop(number)
            partition.start_cold()
            partition.positions.start(topic_id, count, committed[number])

    def _read_state(self, reader: StateReader) -> Iterator[bool]:
        """Steps 2 to 4."""
        reader.start((yield from self._insist(lambda: self._cluster.state_ends(self._cold))))
        received = reader.received
        while not reader.step():
            if reader.received > received:
                received = reader.received
                self._progress()
            yield False
        for number, values in reader.values.items():
            partition = self._cold[number]
            try:
                fits = _fit(partition, values.pop(CUT, None))
            except Refused:
                yield from self._check_owner(partition)
                metrics.INPUT_RESET.labels("set-back").inc()
                raise
            if fits:
                yield from self._load(partition, values)
        reader.finish()

    def _check_owner(self, partition: Partition) -> Iterator[bool]:
        """Raise Aborted if another process commits this partition meanwhile: this one lost it unnoticed."""
        committed = yield from self._insist(lambda: self._cluster.committed([partition.number]))
        if committed[partition.number] != partition.positions.committed:
            raise Aborted(f"partition {partition.number} was committed elsewhere while it was restored")

    def _load(self, partition: Partition, values: dict[bytes, bytes]) -> Iterator[bool]:
        """Step 4."""
        until = self._clock() + _SLICE_SECONDS
        names = _by_name(values)
        while names:
            # What is loaded is let go: it has the size of the state in memory.
            self._load_key(partition, *names.popitem())
            if self._clock() > until:
                self._progress()
                yield False
                until = self._clock() + _SLICE_SECONDS
        log.info("state loaded", extra={"partition": partition.number, "keys": partition.keys})

    def _load_key(self, partition: Partition, name: bytes, parts: dict[int, bytes]) -> None:
        # Also if it is not used: the next checkpoint must not leave parts of this one behind.
        partition.has_parts(name, max(parts) + 1)
        try:
            checkpoint = from_records(parts)
            self._check(checkpoint, partition)
            if (state := state_of(checkpoint)) is not None:
                self._role.load(Key(partition.number, name), state)
        except ValueError as error:
            reason = error.reason if isinstance(error, BadCheckpoint) else "unreadable"
            metrics.CHECKPOINTS_REFUSED.labels(reason).inc()
            log.warning("a checkpoint is not used: %s", error, extra={"reason": reason})
            return
        partition.restored(name, checkpoint.offset, checkpoint.controls)

    def _check(self, checkpoint: Checkpoint, partition: Partition) -> None:
        if checkpoint.topic_id != partition.positions.topic_id:
            raise BadCheckpoint("recreated", "it belongs to an input topic that was recreated")
        if checkpoint.fingerprint != self._role.fingerprint:
            raise BadCheckpoint("other-configuration", "code or configuration changed: the key starts cold")

    def _hold_to_input(self) -> Iterator[bool]:
        """Step 5."""
        lows = yield from self._insist(lambda: self._cluster.lows(self._cold))
        ends = yield from self._insist(lambda: self._cluster.input_ends(self._cold))
        for number, partition in self._cold.items():
            partition.positions.hold_to(lows[number], ends[number])


def _fit(partition: Partition, value: bytes | None) -> bool:
    """Set where a partition's replay begins; return whether its stored state may be used."""
    if value is None:
        partition.positions.lost_state()
        return True
    try:
        cut = Cut.from_value(value)
    except BadCheckpoint as error:
        # Without a cut it is not known which records the checkpoints lack.
        metrics.CHECKPOINTS_REFUSED.labels(error.reason).inc()
        log.warning("the partition starts cold: %s", error, extra={"partition": partition.number})
        return False
    return partition.positions.fit(cut)


def _by_name(values: dict[bytes, bytes]) -> dict[bytes, dict[int, bytes]]:
    """Return the parts of each key's checkpoint, by name and part number; none of the values is left."""
    names: dict[bytes, dict[int, bytes]] = {}
    while values:
        key, value = values.popitem()
        try:
            name, part = split_key(key)
        except BadCheckpoint as error:
            metrics.CHECKPOINTS_REFUSED.labels(error.reason).inc()
            log.warning("a record on the state topic is not used: %s", error)
            continue
        names.setdefault(name, {})[part] = value
    return names
