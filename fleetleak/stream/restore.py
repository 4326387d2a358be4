"""Restore: bring the state of newly owned partitions back, slice by slice, between polls.

The order matters. Committed offsets first, with read_committed semantics: that waits until the old owner's
pending transaction is decided. Only then the end of the state topic; asked for earlier, it would miss what
that transaction commits in between. A partition is read when the reader's position, not its last message,
has reached that end: transactions end in control records, which are never delivered.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.stream.checkpoint import (
    CUT,
    GONE,
    BadCheckpoint,
    Checkpoint,
    Cut,
    expand,
    from_records,
    split_key,
)
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.role import Key, Role

log = logging.getLogger(__name__)

T = TypeVar("T")

_SLICE_SECONDS = 0.25
_CALL_SECONDS = 2.0
_RETRY_SECONDS = 0.05
_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Stalled(RuntimeError):
    """A restore made no progress for too long; the process must end and try anew."""


class Refused(RuntimeError):
    """Input and stored state do not fit; a person has to decide. The message says what to do."""


class StateReader:
    """Reads the compacted state of some partitions to the end that is asked for."""

    def __init__(self, config: dict[str, Any], topic: str) -> None:
        self._consumer = Consumer({**config, "enable.partition.eof": True})
        self._topic = topic
        self._targets: dict[int, int] = {}
        self.received = 0
        self.values: dict[int, dict[bytes, bytes]] = {}

    def start(self, targets: dict[int, int]) -> None:
        """Begin at the oldest record of each partition; the values are the end offsets to reach."""
        self.values = {number: {} for number in targets}
        self._targets = {number: end for number, end in targets.items() if end > 0}
        self._consumer.assign([TopicPartition(self._topic, number, 0) for number in self._targets])

    def step(self) -> bool:
        """Read for a short while; say whether every end is reached."""
        if not self._targets:
            return True
        messages = self._consumer.consume(10_000, _SLICE_SECONDS)
        self.received += len(messages)
        for message in messages:
            self._take(message)
        return not self._targets

    def _take(self, message: Any) -> None:
        number, error = message.partition(), message.error()
        if error is None:
            if (value := message.value()) is None:
                self.values[number].pop(message.key(), None)
            else:
                self.values[number][message.key()] = value
        elif error.code() == KafkaError._PARTITION_EOF:
            # At the end of what is decided; short of the target only while a transaction is pending.
            if message.offset() >= self._targets.get(number, 0):
                self._targets.pop(number, None)
        elif not error.retriable():
            raise Stalled(f"the state topic {self._topic} cannot be read: {error.str()}")

    def finish(self) -> None:
        """Let go of what was read, and fetch no more: what we write next is our own."""
        self.values = {}
        self._consumer.unassign()

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


class Restore:
    """Brings one set of partitions from RESTORING to REPLAYING; call `step` until it says True.

    Parameters
    ----------
    committed
        Gives the committed offsets of topic partitions, stable ones only; raises KafkaException while a
        transaction is pending.
    """

    def __init__(
        self,
        partitions: list[Partition],
        role: Role,
        topics: tuple[str, str | None, str | None],
        admin: AdminClient,
        reader: StateReader | None,
        committed: Callable[[list[TopicPartition]], list[TopicPartition]],
        stall_seconds: float,
    ) -> None:
        self._partitions = {p.number: p for p in partitions}
        self._role = role
        self._input, self._control, self._state = topics
        self._admin = admin
        self._reader = reader
        self._committed = committed
        self._cold: dict[int, Partition] = {}
        self._stall_seconds = stall_seconds
        self._trouble = "it does not answer"
        self._progress()
        self._steps = self._run()

    def step(self) -> bool:
        """Go on for a short while; say whether all is restored.

        Raises
        ------
        Stalled, Refused
        """
        if time.monotonic() > self._deadline:
            raise Stalled(
                f"a restore made no progress; the cluster may be unwell, or a transaction hangs"
                f" (`fleetleak doctor` looks for both): {self._trouble}"
            )
        return next(self._steps, True)

    def hold(self) -> None:
        """Give it all its time again: while Kafka is away there can be no progress."""
        self._progress()

    def _run(self) -> Iterator[bool]:
        yield from self._find_positions()
        if self._reader is not None and self._state is not None:
            yield from self._read_state(self._reader)
        else:
            for partition in self._cold.values():
                partition.position = partition.live_from
        yield from self._settle()
        for partition in self._partitions.values():
            partition.phase = Phase.REPLAYING
        behind = sum(max(0, p.live_from - p.position) for p in self._partitions.values())
        extra = {"partitions": sorted(self._partitions), "records": behind}
        log.info("state restored, replaying", extra=extra)

    def _progress(self) -> None:
        self._deadline = time.monotonic() + self._stall_seconds

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
        """Step 1: where each input was committed, once that is decided."""
        topic_id, partitions = yield from self._insist(self._identify)
        wanted = [TopicPartition(self._input, n) for n in self._partitions]
        if self._control is not None:
            wanted += [TopicPartition(self._control, n) for n in self._partitions]
        found = yield from self._insist(lambda: _stable(self._committed(wanted)))
        self._cold = {n: p for n, p in self._partitions.items() if not _unchanged(p, found, self._input)}
        for number in self._cold:
            self._role.drop(number)
            self._partitions[number].forget()
        for at in found:
            if (partition := self._cold.get(at.partition)) is None:
                continue
            if at.topic == self._input:
                partition.topic_id, partition.partitions = topic_id, partitions
                partition.live_from = at.offset
            else:
                partition.control_position = at.offset

    def _read_state(self, reader: StateReader) -> Iterator[bool]:
        """Steps 2 and 3: the end of the state topic, asked only now; then everything up to it."""
        ends = yield from self._insist(lambda: self._offsets(str(self._state), _LATEST))
        reader.start({n: end for n, end in ends.items() if n in self._cold})
        received = reader.received
        while not reader.step():
            if reader.received > received:
                received = reader.received
                self._progress()
            yield False
        for number, values in reader.values.items():
            partition = self._cold[number]
            if self._apply_cut(partition, values.pop(CUT, None)):
                yield from self._load(partition, values)
        reader.finish()

    def _identify(self) -> tuple[str, int]:
        """Give the input topic's id and partitions, having checked that the topics meet by number."""
        topics = [t for t in (self._input, self._control, self._state) if t is not None]
        answers = self._admin.describe_topics(TopicCollection(topics), request_timeout=_CALL_SECONDS * 5)
        found = {topic: answer.result() for topic, answer in answers.items()}
        counts = {topic: len(description.partitions) for topic, description in found.items()}
        if len(set(counts.values())) > 1:
            raise Refused(
                f"these topics must have equally many partitions, and have {counts}: recreate them so"
            )
        return str(found[self._input].topic_id), counts[self._input]

    def _offsets(self, topic: str, spec: Any) -> dict[int, int]:
        # read_uncommitted: the end under read_committed can miss records whose transaction is pending.
        asked = {TopicPartition(topic, n): spec for n in self._partitions}
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_CALL_SECONDS * 5
        )
        found = {at.partition: answer.result().offset for at, answer in answers.items()}
        if min(found.values()) < 0:
            # Not an answer, but what stands there while the broker has none. As an end it would mean "empty".
            raise KafkaException(KafkaError(KafkaError.OFFSET_NOT_AVAILABLE, f"{topic}: no offset yet"))
        return found

    def _apply_cut(self, partition: Partition, value: bytes | None) -> bool:
        """Set where replay begins; say whether the stored state belongs to this input."""
        partition.position = partition.live_from
        if value is None:
            if partition.live_from > 0:
                metrics.INPUT_RESET.labels("state-gone").inc()
                log.error(
                    "the state of a partition that was scored before is gone: its keys start cold",
                    extra={"partition": partition.number, "topic": self._state},
                )
            return True
        try:
            cut = Cut.from_value(value)
        except BadCheckpoint as error:
            # Without it nobody knows which records the checkpoints lack.
            metrics.CHECKPOINTS_REFUSED.labels(error.reason).inc()
            log.warning("the partition starts cold: %s", error, extra={"partition": partition.number})
            return False
        if cut.topic_id != partition.topic_id:
            metrics.INPUT_RESET.labels("recreated").inc()
            log.warning(
                "the input topic was recreated: state of the old one is not used",
                extra={"partition": partition.number},
            )
            # An offset committed in the old topic means nothing in the new one.
            partition.position = partition.live_from = -1
            return False
        if partition.live_from < 0:
            # The group's offsets expired; the cut knows where they were.
            metrics.INPUT_RESET.labels("offsets-expired").inc()
            partition.live_from = cut.position
        elif partition.live_from < cut.position:
            metrics.INPUT_RESET.labels("set-back").inc()
            raise Refused(
                f"{self._input}[{partition.number}] is committed at {partition.live_from}, but stored state"
                f" goes to {cut.position}: the group's offsets were set back. Set them forward again, or, to"
                f" score once more from there without what was learned, recreate {self._state}"
            )
        if partition.control_position < 0:
            partition.control_position = cut.control_position
        if cut.partitions not in (0, partition.partitions):
            metrics.INPUT_RESET.labels("partitions-changed").inc()
            log.error(
                "the number of partitions changed: services that are in another one now start cold",
                extra={"partition": partition.number, "was": cut.partitions, "now": partition.partitions},
            )
        partition.position = min(cut.replay_from, partition.live_from)
        return True

    def _settle(self) -> Iterator[bool]:
        """Step 5: hold the start against what the input topic has left."""
        low = yield from self._insist(lambda: self._offsets(self._input, _EARLIEST))
        end = yield from self._insist(lambda: self._offsets(self._input, _LATEST))
        for number, partition in self._cold.items():
            self._check_end(partition, end[number])
            partition.position = _kept_from(self._input, number, partition.position, low[number])
            partition.live_from = max(partition.live_from, partition.position)
        if (control := self._control) is None:
            return
        low = yield from self._insist(lambda: self._offsets(control, _EARLIEST))
        for number, partition in self._cold.items():
            at = _kept_from(control, number, partition.control_position, low[number])
            partition.control_position = at

    def _check_end(self, partition: Partition, end: int) -> None:
        """Go on from the end of a topic that ends before what was committed: the brokers lost its tail.

        What was committed must not be believed: new records get the lost ones' offsets, and would be
        taken for a replay.
        """
        if partition.live_from <= end:
            return
        metrics.INPUT_RESET.labels("truncated").inc()
        log.error(
            "input records that were read are gone: the brokers lost what they had acknowledged",
            extra={"partition": partition.number, "committed": partition.live_from, "end": end},
        )
        partition.position = min(partition.position, end)
        partition.live_from = end

    def _load(self, partition: Partition, values: dict[bytes, bytes]) -> Iterator[bool]:
        """Step 4: hand each key's state to the role."""
        until = time.monotonic() + _SLICE_SECONDS
        for name, parts in _by_name(values).items():
            self._load_key(partition, name, parts)
            if time.monotonic() > until:
                metrics.KEYS.set(len(partition.included))
                self._progress()
                yield False
                until = time.monotonic() + _SLICE_SECONDS
        log.info("state loaded", extra={"partition": partition.number, "keys": len(partition.included)})

    def _load_key(self, partition: Partition, name: bytes, parts: dict[int, bytes]) -> None:
        key = Key(partition.number, name)
        if (count := max(parts) + 1) > 1:
            # Also where it is not used: the next checkpoint must not leave the old one's parts behind.
            partition.parts[name] = count
        try:
            checkpoint = from_records(parts)
            self._check(checkpoint, partition)
            if checkpoint.state != GONE:
                self._role.load(key, expand(checkpoint.state))
        except ValueError as error:
            reason = error.reason if isinstance(error, BadCheckpoint) else "unreadable"
            metrics.CHECKPOINTS_REFUSED.labels(reason).inc()
            log.warning("a checkpoint is not used: %s", error, extra={"reason": reason})
            return
        partition.included[name] = checkpoint.offset
        if checkpoint.controls:
            partition.controls[name] = checkpoint.controls

    def _check(self, checkpoint: Checkpoint, partition: Partition) -> None:
        if checkpoint.topic_id != partition.topic_id:
            raise BadCheckpoint("recreated", "it belongs to an input topic that was recreated")
        if checkpoint.fingerprint != self._role.fingerprint:
            raise BadCheckpoint("other-configuration", "code or configuration changed: the key starts cold")


def _stable(found: list[TopicPartition]) -> list[TopicPartition]:
    for at in found:
        if at.error is not None:
            raise KafkaException(at.error)
    return found


def _kept_from(topic: str, number: int, wanted: int, low: int) -> int:
    """Give where to begin; count what is gone."""
    if 0 <= wanted < low:
        metrics.INPUT_LOST.inc(low - wanted)
        log.error(
            "input records are gone by retention: going on from the earliest there is",
            extra={"topic": topic, "partition": number, "wanted": wanted, "earliest": low},
        )
    return max(wanted, low)


def _unchanged(partition: Partition, committed: list[TopicPartition], input_topic: str) -> bool:
    """Whether a partition's state is still that of its committed offsets: nobody else owned it since."""
    at = {c.topic == input_topic: c.offset for c in committed if c.partition == partition.number}
    return partition.topic_id != "" and at == {
        True: partition.position,
        **({False: partition.control_position} if False in at else {}),
    }


def _by_name(values: dict[bytes, bytes]) -> dict[bytes, dict[int, bytes]]:
    found: dict[bytes, dict[int, bytes]] = {}
    for key, value in values.items():
        try:
            name, part = split_key(key)
        except BadCheckpoint as error:
            metrics.CHECKPOINTS_REFUSED.labels(error.reason).inc()
            log.warning("a record on the state topic is not used: %s", error)
            continue
        found.setdefault(name, {})[part] = value
    return found
