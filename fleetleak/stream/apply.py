"""Apply: a polled batch through the role and into the open transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message

from fleetleak.kafka.topics import MOST_CONTROL_BYTES
from fleetleak.kafka.trouble import denied
from fleetleak.observe import metrics
from fleetleak.settings.tree import Runtime as Settings
from fleetleak.stream import dead_letter, flood
from fleetleak.stream.commit import Committer
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.poison import Poison
from fleetleak.stream.role import Applied, Key, Output, Record, Rejected, Role
from fleetleak.stream.transaction import Aborted, Transaction

log = logging.getLogger(__name__)

_CONNECTION = (
    KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT,
    KafkaError._AUTHENTICATION, KafkaError._SSL,
)  # fmt: skip
_FLOWING = (Phase.REPLAYING, Phase.LIVE)


class Topics(NamedTuple):
    """The topics of one role; `control` and `state` are None for a role without."""

    input: str
    control: str | None
    state: str | None
    dead_letter: str


class Applier:
    """Takes batches in; leaves outputs, dead letters and changed keys in the open transaction.

    Parameters
    ----------
    owned
        The partitions owned now, by number; shared with the runtime.
    pause
        Called with the number of a partition that is flooded.
    """

    def __init__(
        self,
        role: Role,
        topics: Topics,
        settings: Settings,
        owned: dict[int, Partition],
        transaction: Transaction,
        committer: Committer,
        pause: Callable[[int], None],
    ) -> None:
        self._role = role
        self._topics = topics
        self._settings = settings
        self._owned = owned
        self._transaction = transaction
        self._committer = committer
        self._pause = pause
        self._poison = Poison()
        self._control_poison = Poison()
        self._letters = dead_letter.Letters()
        self._held: list[Output] = []
        self._waiting: list[Record] = []

    def tell(self) -> None:
        """Log the dead letters that were not logged yet, seldom."""
        self._letters.tell()

    def flood_message(self) -> str:
        """Say which partition is paused and why; nothing when none is."""
        flooded = [p for p in list(self._owned.values()) if p.phase is Phase.FLOODED]
        metrics.PARTITIONS_PAUSED.set(len(flooded))
        return flood.message(self._topics.input, flooded[0].number, flooded[0].position) if flooded else ""

    def apply(self, messages: list[Message], metadata: Any) -> bool:
        """Apply a batch polled under this group metadata; say whether it should be committed at once.

        Raises
        ------
        Aborted
            If the role failed, or the consumer's position is gone: what is owned must be restored.
        """
        records, controls = self._sort(messages)
        replayed = [r for r in records if r.offset < self._owned[r.partition].live_from]
        if replayed:
            records = [r for r in records if r.offset >= self._owned[r.partition].live_from]
            self._replay(replayed)
        for record in records:
            partition = self._owned[record.partition]
            # Offsets have holes: the first record beyond what was committed says that all before is replayed.
            partition.position = max(partition.position, partition.live_from)
        urgent = self.go_live(metadata)
        controls = self._due(controls)
        if records or controls:
            self._transaction.begin(metadata)
        if records:
            urgent |= self._publish(records)
        for control in controls:
            self._control(control)
        return urgent

    def clear(self) -> None:
        """Forget what was held for a transaction that will not be."""
        self._held.clear()
        self._waiting.clear()

    def _sort(self, messages: list[Message]) -> tuple[list[Record], list[Record]]:
        """Split a batch into input and control records, without what is not expected here any more."""
        records: list[Record] = []
        controls: list[Record] = []
        for message in messages:
            number, offset = message.partition() or 0, message.offset() or 0
            partition = self._owned.get(number)
            flowing = partition is not None and partition.phase in _FLOWING
            if (error := message.error()) is not None:
                _on_error(error, flowing)
            if partition is None or not flowing or error is not None:
                continue
            record = Record(number, offset, message.key(), message.value(), message.timestamp()[1] / 1000)
            if message.topic() != self._topics.input:
                if offset >= partition.control_position:
                    controls.append(record)
            elif offset >= partition.position:
                records.append(record)
        return records, controls

    def _due(self, controls: list[Record]) -> list[Record]:
        """Give control records to apply now; those of a partition in replay wait, as they did before."""
        found = self._waiting + controls
        self._waiting = [c for c in found if self._owned[c.partition].phase is Phase.REPLAYING]
        return [c for c in found if self._owned[c.partition].phase is Phase.LIVE]

    def _replay(self, records: list[Record]) -> None:
        """Re-apply what was committed before, without publishing, skipping what checkpoints include."""
        fresh = [r for r in records if r.offset > self._owned[r.partition].included.get(r.key or b"", -1)]
        metrics.RECORDS_REPLAYED.inc(len(fresh))
        applied = self._through_role(fresh) if fresh else Applied()
        self._advance(records, fresh)
        # A transition that was published before is part of its key's checkpoint; one found here was not.
        late = [o for o in applied.outputs if o.transition is not None]
        if late:
            log.warning("transitions found in replay are published now", extra={"count": len(late)})
            self._held += late

    def go_live(self, metadata: Any) -> bool:
        """Make partitions live that have replayed all; say whether something was published for it."""
        for partition in self._owned.values():
            if partition.phase is Phase.REPLAYING and partition.position >= partition.live_from:
                self._live(partition)
        if not self._held or any(p.phase is Phase.REPLAYING for p in self._owned.values()):
            return False
        self._transaction.begin(metadata)
        self._emit(self._held)
        self._held = []
        return True

    def _live(self, partition: Partition) -> None:
        partition.phase = Phase.LIVE
        partition.included = {}
        seconds = time.monotonic() - partition.owned_since
        metrics.RESTORES.inc()
        metrics.RESTORE_SECONDS.observe(seconds)
        log.info("partition live", extra={"partition": partition.number, "seconds": round(seconds, 3)})

    def _through_role(self, records: list[Record]) -> Applied:
        """Let the role apply records; keep those it cannot take, for whatever reason, apart."""
        usable, rejected = self._poison.sift(records, self._settings.max_record_bytes)
        applied = Applied()
        for batch in self._poison.cut(usable):
            try:
                part = self._role.apply(batch)
            except BaseException as error:
                self._failed(self._poison, batch, error)
            applied.outputs += part.outputs
            applied.rejected += part.rejected
        applied.rejected += rejected
        return applied

    def _failed(self, poison: Poison, batch: Sequence[Record], error: BaseException) -> NoReturn:
        """The role's state is half changed: restore, then go record by record to find the culprit."""
        # A panic of a Rust-backed object is a BaseException, and no reason to end.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        log.error("a batch could not be applied; looking for the record", exc_info=error)
        poison.suspect(batch, error)
        raise Aborted(f"applying failed: {error}") from error

    def _publish(self, records: list[Record]) -> bool:
        applied = self._through_role(records)
        urgent = self._emit(applied.outputs)
        for rejected in applied.rejected:
            self._dead_letter(self._topics.input, rejected)
        bad = {(r.record.partition, r.record.offset) for r in applied.rejected}
        self._advance(records, [r for r in records if (r.partition, r.offset) not in bad] if bad else records)
        self._check_flood(records, bad)
        metrics.RECORDS_IN.labels(self._topics.input).inc(len(records))
        return urgent

    def _emit(self, outputs: list[Output]) -> bool:
        self._transaction.publish(outputs)
        transitions = {o.transition for o in outputs if o.transition is not None}
        self._committer.require(transitions)
        return bool(transitions)

    def _advance(self, records: list[Record], changed: list[Record]) -> None:
        for record in changed:
            self._owned[record.partition].dirty.touch(record.key or b"", record.offset)
        for record in records:
            self._owned[record.partition].position = record.offset + 1
        self._committer.touched.update(r.partition for r in records)

    def _control(self, record: Record) -> None:
        partition = self._owned[record.partition]
        if record.offset < partition.control_position:
            return  # a second assignment sought back to it while it waited
        key, applied = self._control_through_role(record)
        partition.control_position = record.offset + 1
        self._committer.touched.add(record.partition)
        for rejected in applied.rejected:
            self._dead_letter(str(self._topics.control), rejected)
        if key is not None:
            partition.note_control(key.name, record.offset)
            # Replay could not reproduce its place in the order, so it is checkpointed where it is applied.
            self._committer.require({key})
        self._transaction.publish(applied.outputs)
        metrics.RECORDS_IN.labels(str(self._topics.control)).inc()

    def _control_through_role(self, record: Record) -> tuple[Key | None, Applied]:
        usable, rejected = self._control_poison.sift([record], MOST_CONTROL_BYTES)
        if not usable:
            return None, Applied(rejected=rejected)
        try:
            return self._role.control(record)
        except BaseException as error:
            self._failed(self._control_poison, usable, error)

    def _dead_letter(self, topic: str, rejected: Rejected) -> None:
        metrics.DEAD_LETTERS.labels(rejected.reason).inc()
        self._letters.note(topic, rejected)
        record = rejected.record
        self._transaction.dead_letter(
            self._topics.dead_letter, record.key, record.value, dead_letter.headers(topic, rejected)
        )

    def _check_flood(self, records: list[Record], bad: set[tuple[int, int]]) -> None:
        for number, partition in self._owned.items():
            if partition.gate.clean and not bad:
                continue
            flags = [(r.partition, r.offset) in bad for r in records if r.partition == number]
            if partition.gate.flooded(flags) and partition.phase is Phase.LIVE:
                partition.phase = Phase.FLOODED
                self._pause(number)
                log.error(self.flood_message())


def _on_error(error: KafkaError, flowing: bool) -> None:
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        if not flowing:
            return
        # Our position is gone: retention passed it, or the topic was recreated. Restore finds out which.
        raise Aborted(error.str())
    if error.fatal() or denied(error):
        raise KafkaException(error)
    # That Kafka is away is told elsewhere, once and with its cause.
    level = logging.DEBUG if error.code() in _CONNECTION else logging.WARNING
    log.log(level, "consumer: %s", error.str(), extra={"code": error.name()})
