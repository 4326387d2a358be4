"""Commit: outputs, checkpoints that are due, the cut of each partition, and offsets, in one transaction.

1. Outputs are in the transaction already, published as they came.
2. Checkpoints: keys with a transition or a control record, then the oldest of the dirty ones. Before the
   offsets, because a checkpoint must never be visible without the offset it includes.
3. The cut of each touched partition: after the checkpoints, because they move `replay_from`.
4. Input and control offsets, under the group metadata of the poll: the fence.
5. The end of the transaction: all of it is visible, or nothing is.
"""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import TopicPartition

from fleetleak.observe import metrics
from fleetleak.stream.checkpoint import CUT, GONE, Checkpoint, Cut, shrink, to_records
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.role import Key, Output, Role
from fleetleak.stream.transaction import Transaction

# In one transaction: about a second of work. Partitions have equal shares of it.
MOST_KEYS = 4000


class Committer:
    """Ends the open transaction of a role."""

    def __init__(
        self,
        role: Role,
        input_topic: str,
        control_topic: str | None,
        state_topic: str | None,
        transaction: Transaction,
    ) -> None:
        self._role = role
        self._input = input_topic
        self._control = control_topic
        self._state = state_topic
        self._transaction = transaction
        self._required: dict[Key, None] = {}
        self.touched: set[int] = set()

    def require(self, keys: Iterable[Key]) -> None:
        """Checkpoint these keys in the transaction that is open."""
        self._required.update(dict.fromkeys(sorted(keys)))

    def clear(self) -> None:
        """Forget what an aborted transaction would have done."""
        self._required.clear()
        self.touched.clear()

    def commit(self, owned: dict[int, Partition], share: float, most: int = MOST_KEYS) -> None:
        """Commit what was applied; `share` of the dirty keys, at most so many, are checkpointed with it."""
        if not self._transaction.open:
            return
        # A partition in replay is behind what it has committed: its offsets must not go back.
        caught_up = {n: p for n, p in owned.items() if p.phase in (Phase.LIVE, Phase.FLOODED)}
        if self._state is not None:
            for number in sorted(caught_up):
                self._checkpoint(caught_up[number], share, -(-most // len(caught_up)))
        self._transaction.commit(list(self._offsets(caught_up)))
        self.clear()

    def _checkpoint(self, partition: Partition, share: float, most: int) -> None:
        required = [k.name for k in self._required if k.partition == partition.number]
        due = [*required, *partition.dirty.due(share, most)]
        if not due and partition.number not in self.touched:
            return
        outputs: list[Output] = []
        for name in dict.fromkeys(due):
            outputs += self._records_of(partition, name)
            partition.dirty.clean(name)
        replay_from = partition.dirty.replay_from(partition.position)
        cut = Cut(
            replay_from, partition.position, partition.topic_id, partition.control_position,
            partition.partitions,
        )  # fmt: skip
        outputs.append(Output(str(self._state), CUT, cut.to_value(), partition.number))
        self._transaction.publish(outputs)
        # Its offsets too, although none may have moved: without offsets a transaction has no fence.
        self.touched.add(partition.number)

    def _records_of(self, partition: Partition, name: bytes) -> Iterable[Output]:
        state = self._role.dump(Key(partition.number, name))
        before = partition.parts.pop(name, 1)
        checkpoint = Checkpoint(
            partition.position - 1, partition.topic_id, self._role.fingerprint,
            partition.controls.get(name, []), 1, GONE if state is None else shrink(state),
        )  # fmt: skip
        records = list(to_records(name, checkpoint, before))
        if checkpoint.parts > 1:
            partition.parts[name] = checkpoint.parts
        metrics.CHECKPOINT_BYTES.inc(sum(len(value) for _, value in records if value))
        metrics.CHECKPOINTS.inc()
        return [Output(str(self._state), key, value, partition.number) for key, value in records]

    def _offsets(self, owned: dict[int, Partition]) -> Iterable[TopicPartition]:
        for number in sorted(self.touched & owned.keys()):
            partition = owned[number]
            yield TopicPartition(self._input, number, partition.position)
            if self._control is not None:
                yield TopicPartition(self._control, number, partition.control_position)
