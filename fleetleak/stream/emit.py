"""What a keyed part does beside returning its state."""

from __future__ import annotations

from fleetleak.observe import metrics
from fleetleak.stream.role import Applied, Key, Output


class Emit:
    """Collects the outputs, counts and timer of one step of one key.

    Attributes
    ----------
    key
        The key, with its partition.
    appended
        The append time of the record, unix seconds; 0 when a timer fires.
    wake_at
        When the key's timer is to fire, unix seconds; meaningful if `wakes`.
    """

    __slots__ = ("_counts", "_outputs", "appended", "key", "wake_at", "wakes")

    def __init__(self, key: Key, appended: float = 0.0) -> None:
        self.key = key
        self.appended = appended
        self.wakes = False
        self.wake_at: float | None = None
        self._outputs: list[Output] = []
        self._counts: list[tuple[metrics.Count, int]] = []

    def output(
        self, topic: str, value: bytes | None, *, transition: bool = False, note: str | None = None
    ) -> None:
        """Publish under the same key into the same partition number.

        Parameters
        ----------
        topic
            Has as many partitions as the input.
        transition, note
            As in `fleetleak.stream.Output`.
        """
        marked = self.key if transition else None
        self._outputs.append(Output(topic, self.key.name, value, self.key.partition, marked, note))

    def rekeyed(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        *,
        transition: bool = False,
        note: str | None = None,
    ) -> None:
        """Publish under another key; the partitioner chooses the partition."""
        marked = self.key if transition else None
        self._outputs.append(Output(topic, key, value, None, marked, note))

    def count(self, counter: metrics.Counter, *labels: str, n: int = 1) -> None:
        """Add to a counter when the batch is committed."""
        self._counts.append(((counter, *labels), n))

    def wake(self, at: float | None) -> None:
        """Set the key's one timer, unix seconds, in place of the one before; None cancels it.

        Take the time from the record, such as its event time or its append time plus five minutes: the
        partition's own time is not known to a part, because a replay leaves records out.
        """
        self.wakes, self.wake_at = True, at

    def into(self, applied: Applied) -> None:
        """Add what was collected to what came of the batch."""
        applied.collect(self._outputs, self._counts)
