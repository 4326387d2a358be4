"""Apply: a polled batch goes through the role and into the open transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, NoReturn

from confluent_kafka import Message

from fleetleak.kafka.topics import MOST_CONTROL_BYTES
from fleetleak.observe import metrics
from fleetleak.settings.tree import RuntimeSettings
from fleetleak.stream import dead_letter, flood
from fleetleak.stream.commit import Committer
from fleetleak.stream.errors import Aborted
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.poison import Poison
from fleetleak.stream.records import Records
from fleetleak.stream.role import Applied, Key, Output, Record, Rejected, Role, Topics
from fleetleak.stream.sorting import sort
from fleetleak.stream.transaction import Transaction

log = logging.getLogger(__name__)

# Of a record of others: four times what OpenTelemetry's Collector sends at most.
MOST_FOREIGN_BYTES = 4 * 2**20


class Applier:
    """Takes batches in; leaves outputs, dead letters and changed keys in the open transaction.

    Parameters
    ----------
    owned
        The partitions owned now, by number; a view that the runtime keeps current.
    pause
        Called with the number of a partition that is flooded.
    """

    def __init__(
        self,
        role: Role,
        topics: Topics,
        settings: RuntimeSettings,
        owned: Mapping[int, Partition],
        transaction: Transaction,
        committer: Committer,
        pause: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._role = role
        self._topics = topics
        self._settings = settings
        self._owned = owned
        self._transaction = transaction
        self._committer = committer
        self._pause = pause
        self._clock = clock
        self._most_bytes = MOST_FOREIGN_BYTES if topics.foreign else settings.max_record_bytes
        self._poison = Poison(is_secret=topics.foreign)
        self._side_poison = Poison()
        self._letters = dead_letter.Letters(clock)
        # Transitions found in a replay; published once all partitions are live.
        self._held: list[Output] = []
        # Side records of partitions in replay.
        self._waiting: list[Record] = []

    def tell(self) -> None:
        """Log new dead letters, at a bounded rate."""
        self._letters.tell()

    def flood_message(self) -> str:
        """Return which partition is paused and why; empty if none is."""
        flooded = [p for p in list(self._owned.values()) if p.phase is Phase.FLOODED]
        metrics.PARTITIONS_PAUSED.set(len(flooded))
        if not flooded:
            return ""
        return self._flood_message(flooded[0])

    def _flood_message(self, partition: Partition) -> str:
        topics, place = self._topics, partition.positions.input
        return flood.message(topics.input, partition.number, place, foreign=topics.foreign)

    def apply(self, messages: list[Message], metadata: Any) -> bool:
        """Apply a batch polled under this group metadata; return whether to commit at once.

        Raises
        ------
        Aborted
            If the role failed, or the consumer's position is gone: what is owned must be restored.
        """
        records, side = sort(messages, self._owned, self._topics.input)
        records = self._replay_first(records)
        for number in dict.fromkeys(records.partitions):
            self._owned[number].positions.end_replay()
        urgent = self.go_live(metadata)
        side = self._due(side)
        if records or side:
            self._transaction.begin(metadata)
        if records:
            urgent |= self._publish(records)
        for record in side:
            self._apply_side(record)
        return urgent

    def clear(self) -> None:
        """Forget what was held for a transaction that will not be."""
        self._held.clear()
        self._waiting.clear()

    def _due(self, side: list[Record]) -> list[Record]:
        """Return the side records to apply now; those of a partition in replay wait for its end."""
        pending = self._waiting + side
        self._waiting = [r for r in pending if self._owned[r.partition].phase is Phase.REPLAYING]
        return [r for r in pending if self._owned[r.partition].phase is Phase.LIVE]

    def _replay_first(self, records: Records) -> Records:
        """Replay the records that were committed before; return the others."""
        live_from = {number: partition.positions.live_from for number, partition in self._owned.items()}
        places = zip(records.partitions, records.offsets, strict=True)
        live = [offset >= live_from[number] for number, offset in places]
        if all(live):
            return records
        self._replay(records.take([at for at, is_live in enumerate(live) if not is_live]))
        return records.take([at for at, is_live in enumerate(live) if is_live])

    def _replay(self, records: Records) -> None:
        """Apply again what was committed before, without publishing; skip what checkpoints include."""
        known = zip(records.partitions, records.keys, records.offsets, strict=True)
        new = [not self._owned[number].is_included(key, offset) for number, key, offset in known]
        fresh = records.take([at for at, is_new in enumerate(new) if is_new])
        metrics.RECORDS_REPLAYED.inc(len(fresh))
        applied = self._through_role(fresh) if fresh else Applied()
        self._touch(applied, fresh)
        self._advance(records)
        # A transition that was published before is part of its key's checkpoint; one found here was not.
        late = [o for o in applied.outputs if o.transition is not None]
        if late:
            log.warning("transitions found in replay are published now", extra={"count": len(late)})
            self._held += late

    def go_live(self, metadata: Any) -> bool:
        """Make partitions live that have replayed all; return whether something was published for it."""
        for partition in self._owned.values():
            if partition.phase is Phase.REPLAYING and partition.replayed:
                self._live(partition)
        if not self._held or any(p.phase is Phase.REPLAYING for p in self._owned.values()):
            return False
        self._transaction.begin(metadata)
        self._emit(Applied(self._held))
        self._held = []
        return True

    def _live(self, partition: Partition) -> None:
        partition.go_live()
        seconds = self._clock() - partition.owned_since
        metrics.RESTORES.inc()
        metrics.RESTORE_SECONDS.observe(seconds)
        log.info("partition live", extra={"partition": partition.number, "seconds": round(seconds, 3)})

    def _through_role(self, records: Records) -> Applied:
        """Let the role apply records; those that it cannot take, for whatever reason, are rejected."""
        usable, rejected = self._poison.sift(records, self._most_bytes)
        batches: list[Sequence[Record]] = []
        parts: list[Applied] = []
        for batch in self._poison.cut(usable):
            parts.append(self._batch(batch))
            batches.append(batch)
        if len(parts) == 1 and not rejected:
            return parts[0]
        return _joined(parts, batches, rejected)

    def _batch(self, batch: Sequence[Record]) -> Applied:
        try:
            with metrics.BATCH_SECONDS.time():
                return self._role.apply(batch)
        except BaseException as error:
            self._failed(self._poison, batch, error)

    def _failed(self, poison: Poison, batch: Sequence[Record], error: BaseException) -> NoReturn:
        """Restore, because the role's state is half changed; then apply one by one to find the record."""
        # A panic of an object in Rust is a BaseException, and no reason to end.
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        shown = None if self._topics.foreign else error
        what = poison.suspect(batch, error)
        log.error("a batch could not be applied; looking for the record: %s", what, exc_info=shown)
        raise Aborted(f"applying failed: {what}") from shown

    def _publish(self, records: Records) -> bool:
        applied = self._through_role(records)
        applied.count(metrics.RECORDS_IN, self._topics.input, n=len(records))
        urgent = self._emit(applied)
        for rejected in applied.rejected:
            self._dead_letter(rejected)
        self._touch(applied, records)
        self._advance(records)
        self._check_flood(records, _places(applied.rejected))
        return urgent

    def _emit(self, applied: Applied) -> bool:
        """Leave a batch's results in the transaction; return whether it should be committed at once."""
        self._transaction.publish(applied.outputs)
        self._committer.count(applied.counts, applied.levels)
        required = applied.required | {o.transition for o in applied.outputs if o.transition is not None}
        self._committer.require(required)
        return bool(required)

    def _touch(self, applied: Applied, records: Records) -> None:
        """Note which keys a batch changed; of each key the first record counts."""
        if applied.changed is not None:
            for key, offset in applied.changed.items():
                self._owned[key.partition].dirty.touch(key.name, offset)
            return
        good = _good(records, applied.rejected)
        keys: Iterator[tuple[bytes | None, int]] = zip(good.keys, good.offsets, strict=True)
        for number, run in groupby(good.partitions):
            self._owned[number].dirty.touch_all(islice(keys, len(list(run))))

    def _advance(self, records: Records) -> None:
        # The last one of each partition counts.
        for number, offset in dict(zip(records.partitions, records.offsets, strict=True)).items():
            self._owned[number].positions.advance(offset)
            self._committer.touch([number])

    def _apply_side(self, record: Record) -> None:
        partition = self._owned[record.partition]
        if record.offset < partition.positions.side[record.topic]:
            return  # a second assignment went back to it while it waited
        key, applied = self._side_through_role(record)
        partition.positions.advance_side(record.topic, record.offset)
        self._committer.touch([record.partition])
        for rejected in applied.rejected:
            self._dead_letter(rejected)
        if key is not None:
            partition.note_control(key.name, record.offset)
            # A replay could not repeat its place in the order, so it is checkpointed where it is applied.
            self._committer.require([key])
        applied.count(metrics.RECORDS_IN, record.topic)
        self._emit(applied)

    def _side_through_role(self, record: Record) -> tuple[Key | None, Applied]:
        usable, rejected = self._side_poison.sift([record], MOST_CONTROL_BYTES)
        if not usable:
            return None, Applied(rejected=rejected)
        try:
            return self._role.control(record)
        except BaseException as error:
            self._failed(self._side_poison, usable, error)

    def _dead_letter(self, rejected: Rejected) -> None:
        self._committer.count({(metrics.DEAD_LETTERS, rejected.reason): 1})
        self._letters.note(rejected)
        record, own = rejected.record, not self._topics.foreign
        headers = dead_letter.headers(rejected)
        key, value = (record.key, record.value) if own else (None, None)
        self._transaction.dead_letter(self._topics.dead_letter, key, value, headers)

    def _check_flood(self, records: Records, bad: set[tuple[int, int]]) -> None:
        watched = {n: p for n, p in self._owned.items() if bad or not p.gate.clean}
        flags: dict[int, list[bool]] = {number: [] for number in watched}
        if watched:
            for place in zip(records.partitions, records.offsets, strict=True):
                if place[0] in flags:
                    flags[place[0]].append(place in bad)
        for number, partition in watched.items():
            if partition.gate.flooded(flags[number]) and partition.phase is Phase.LIVE:
                partition.flood()
                self._pause(number)
                log.error(self._flood_message(partition))


def _changed(applied: Applied, records: Sequence[Record]) -> Iterable[tuple[Key, int]]:
    """Return the keys that changed, each with an offset; the first one of a key counts."""
    if applied.changed is not None:
        return applied.changed.items()
    return ((Key(r.partition, r.key or b""), r.offset) for r in _good(Records.of(records), applied.rejected))


def _joined(
    parts: Sequence[Applied], batches: Sequence[Sequence[Record]], rejected: list[Rejected]
) -> Applied:
    """Join what came of the pieces of a batch; what was taken out before is rejected last."""
    changed: dict[Key, int] = {}
    joined = Applied(changed=changed)
    for part, batch in zip(parts, batches, strict=True):
        joined.add(part)
        for key, offset in _changed(part, batch):
            changed.setdefault(key, offset)
    joined.rejected += rejected
    return joined


def _good(records: Records, rejected: Sequence[Rejected]) -> Records:
    """Return the records that were not rejected."""
    if not rejected:
        return records
    bad, places = _places(rejected), zip(records.partitions, records.offsets, strict=True)
    return records.take([at for at, place in enumerate(places) if place not in bad])


def _places(rejected: Iterable[Rejected]) -> set[tuple[int, int]]:
    return {(r.record.partition, r.record.offset) for r in rejected}
