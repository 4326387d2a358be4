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
from collections.abc import Iterable, Mapping

from confluent_kafka import TopicPartition

from fleetleak.observe import metrics
from fleetleak.stream.checkpoint import CUT, GONE, Checkpoint, shrink, to_records
from fleetleak.stream.partition import Partition
from fleetleak.stream.role import Key, Output, Role, Topics
from fleetleak.stream.transaction import Transaction

# Of one transaction: about a second of work. Partitions have equal shares of it.
MOST_KEYS = 4000


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
        committable = {n: p for n, p in owned.items() if p.committable}
        if self._topics.state is not None:
            for number in sorted(committable):
                self._checkpoint(committable[number], share, -(-most // len(committable)))
        self._transaction.commit(list(self._places(committable)))
        metrics.add(self._counts, self._levels)
        self.clear()

    def _checkpoint(self, partition: Partition, share: float, most: int) -> None:
        required = [k.name for k in self._required if k.partition == partition.number]
        due = [*required, *partition.dirty.due(share, most)]
        if not due and partition.number not in self._touched:
            return
        outputs: list[Output] = []
        for name in dict.fromkeys(due):
            outputs += self._records_of(partition, name)
            partition.dirty.clean(name)
        cut = partition.positions.cut(partition.dirty.replay_from(partition.positions.input))
        outputs.append(Output(str(self._topics.state), CUT, cut.to_value(), partition.number))
        self._transaction.publish(outputs)
        # Its offsets too, although none may have moved: without offsets a transaction has no fence.
        self.touch([partition.number])

    def _records_of(self, partition: Partition, name: bytes) -> Iterable[Output]:
        records = list(to_records(name, self._checkpoint_of(partition, name), partition.parts_of(name)))
        partition.has_parts(name, sum(value is not None for _, value in records))
        written_bytes = sum(len(value) for _, value in records if value)
        self.count({(metrics.CHECKPOINTS,): 1, (metrics.CHECKPOINT_BYTES,): written_bytes})
        return [Output(str(self._topics.state), key, value, partition.number) for key, value in records]

    def _checkpoint_of(self, partition: Partition, name: bytes) -> Checkpoint:
        state = self._role.dump(Key(partition.number, name))
        return Checkpoint(
            offset=partition.positions.input - 1,
            topic_id=partition.positions.topic_id,
            fingerprint=self._role.fingerprint,
            controls=partition.controls_of(name),
            parts=1,
            state=GONE if state is None else shrink(state),
        )

    def _places(self, owned: Mapping[int, Partition]) -> Iterable[TopicPartition]:
        for number in sorted(self._touched & owned.keys()):
            yield from owned[number].positions.places()
