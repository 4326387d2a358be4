"""Commit: outputs, checkpoints that are due, the cut of each partition, and offsets, in one transaction.

1. Outputs are in the transaction already, published as they came.
2. Checkpoints: keys that require one, then the oldest of the dirty keys. Before the offsets, because a
   checkpoint must never be visible without the offset it includes.
3. The cut of each touched partition: after the checkpoints, because they move `replay_from`.
4. Input and side offsets, under the group metadata of the poll: the fence.
5. The end of the transaction: all of it is visible, or nothing is. Then the counters are raised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from confluent_kafka import TopicPartition

from fleetleak.observe import metrics
from fleetleak.stream.checkpoint import CUT, Checkpoint, form_of, to_records
from fleetleak.stream.partition import Partition
from fleetleak.stream.role import Key, Output, Role, Topics
from fleetleak.stream.transaction import Transaction

# Of one transaction: about a quarter of a second of work. Partitions have equal shares of it.
MOST_KEYS = 4000
# Of one transaction: far below what librdkafka's queue holds.
MOST_BYTES = 64 * 2**20
# Enough for a role that works in columns, and little memory where states are large.
_AT_ONCE = 128


class Committer:
    """Ends the open transaction of a role."""

    def __init__(self, role: Role, topics: Topics, transaction: Transaction) -> None:
        self._role = role
        self._topics = topics
        self._transaction = transaction
        self._required: dict[Key, None] = {}
        self._touched: set[int] = set()
        self._counts: Counter[metrics.Count] = Counter()
        self._levels: dict[metrics.Gauge, float] = {}

    def require(self, keys: Iterable[Key]) -> None:
        """Checkpoint these keys in the transaction that is open."""
        self._required.update(dict.fromkeys(sorted(keys)))

    def touch(self, numbers: Iterable[int]) -> None:
        """Commit the offsets of these partitions with the transaction that is open."""
        self._touched.update(numbers)

    def count(
        self, counts: Mapping[metrics.Count, int], levels: Mapping[metrics.Gauge, float] | None = None
    ) -> None:
        """Raise these counters, and set these gauges, once the transaction that is open is committed."""
        self._counts.update(counts)
        self._levels.update(levels or {})

    def clear(self) -> None:
        """Forget what an aborted transaction would have done."""
        self._required.clear()
        self._touched.clear()
        self._counts.clear()
        self._levels.clear()

    def commit(self, owned: Mapping[int, Partition], share: float, most: int = MOST_KEYS) -> None:
        """Commit what was applied, and checkpoint `share` of the dirty keys, at most `most`, with it."""
        if not self._transaction.open:
            return
        committable = {n: p for n, p in sorted(owned.items()) if p.committable}
        if self._topics.state is not None:
            self._checkpoint(committable, share, most)
        self._transaction.commit(list(self._places(committable)))
        metrics.add(self._counts, self._levels)
        self.clear()

    def _checkpoint(self, committable: Mapping[int, Partition], share: float, most: int) -> None:
        """Send the checkpoints that are due, and the cut of each partition that has one or was touched."""
        records: dict[int, list[Output]] = {number: [] for number in committable}
        for key, state in self._states(self._due(committable, share, most)):
            partition = committable[key.partition]
            records[key.partition] += self._records_of(partition, key.name, state)
            partition.dirty.clean(key.name)
        for number, partition in committable.items():
            if records[number] or number in self._touched:
                self._publish(partition, records[number])

    def _publish(self, partition: Partition, checkpoints: list[Output]) -> None:
        """Send the checkpoints of a partition, then its cut."""
        written_bytes = sum(len(record.value or b"") for record in checkpoints)
        self.count({(metrics.CHECKPOINT_BYTES,): written_bytes})
        cut = partition.positions.cut(partition.dirty.replay_from(partition.positions.input))
        end = Output(str(self._topics.state), CUT, cut.to_value(), partition.number)
        self._transaction.publish([*checkpoints, end])
        # Its offsets too, although none may have moved: without offsets a transaction has no fence.
        self.touch([partition.number])

    def _due(self, committable: Mapping[int, Partition], share: float, most: int) -> list[Key]:
        """Return the keys to checkpoint: those that require it, then dirty ones."""
        due = dict.fromkeys(key for key in self._required if key.partition in committable)
        dirty = [
            [Key(number, name) for name in partition.dirty.due(share, -(-most // len(committable)))]
            for number, partition in committable.items()
        ]
        # In turns: where not all of them fit into one transaction, no partition waits for the others.
        due.update(dict.fromkeys(key for turn in zip_longest(*dirty) for key in turn if key is not None))
        return list(due)

    def _states(self, keys: Sequence[Key]) -> Iterator[tuple[Key, bytes | None]]:
        """Yield keys with their states. Many are dumped at once, whatever their partition.

        Where the states are large, keys that do not require a checkpoint now wait for another transaction.
        """
        dumped_bytes = 0
        for begin in range(0, len(keys), _AT_ONCE):
            piece = keys[begin : begin + _AT_ONCE]
            if dumped_bytes > MOST_BYTES:
                piece = [key for key in piece if key in self._required]
            states = self._role.dump(piece)
            dumped_bytes += sum(map(len, filter(None, states)))
            self.count({(metrics.CHECKPOINTS,): len(piece)})
            yield from zip(piece, states, strict=True)

    def _records_of(self, partition: Partition, name: bytes, state: bytes | None) -> list[Output]:
        stored, form = form_of(state)
        checkpoint = Checkpoint(
            offset=partition.positions.input - 1,
            topic_id=partition.positions.topic_id,
            fingerprint=self._role.fingerprint,
            controls=partition.controls_of(name),
            parts=1,
            state=stored,
            form=form,
        )
        records = list(to_records(name, checkpoint, partition.parts_of(name)))
        partition.has_parts(name, sum(value is not None for _, value in records))
        return [Output(str(self._topics.state), key, value, partition.number) for key, value in records]

    def _places(self, owned: Mapping[int, Partition]) -> Iterable[TopicPartition]:
        for number in sorted(self._touched & owned.keys()):
            yield from owned[number].positions.places()
