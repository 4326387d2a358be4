"""Which partitions this process owns, and which it keeps for the case that they come straight back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fleetleak.observe import metrics
from fleetleak.settings.tree import RuntimeSettings
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.partition import Partition, Phase
from fleetleak.stream.role import Role, Topics


class Ownership:
    """The owned partitions of a role.

    Attributes
    ----------
    owned
        A view of them by number, always current.
    """

    def __init__(
        self, role: Role, topics: Topics, settings: RuntimeSettings, clock: Callable[[], float]
    ) -> None:
        self._role = role
        self._topics = topics
        self._settings = settings
        self._clock = clock
        self._owned: dict[int, Partition] = {}
        # Revoked, but not yet assigned to another process: if one comes back unchanged, its state is current.
        self._kept: dict[int, Partition] = {}
        self.owned: Mapping[int, Partition] = MappingProxyType(self._owned)

    def take(self, numbers: list[int]) -> None:
        """Own these partitions, in phase RESTORING."""
        for number in numbers:
            partition = self._kept.pop(number, None) or self._new(number)
            partition.assign(self._clock())
            self._owned[number] = partition
        for number in self._kept:
            self._role.drop(number)
        self._kept = {}
        metrics.ASSIGNED.set(len(self._owned))

    def _new(self, number: int) -> Partition:
        # A partition that is only restored keeps what was seen of its flood.
        before = self._owned.get(number)
        gate = before.gate if before is not None else self._gate()
        return Partition(number, gate, self._topics)

    def _gate(self) -> FloodGate:
        return FloodGate(self._settings.dead_letter_least, self._settings.dead_letter_ratio)

    def keep(self, numbers: list[int]) -> None:
        """Release these partitions once everything is committed; keep the state of those that are live."""
        live = [n for n in numbers if n in self._owned and self._owned[n].phase is Phase.LIVE]
        self._kept = {n: self._owned.pop(n) for n in live}

    def lose(self, numbers: list[int]) -> None:
        """Release these partitions; drop the state of those that are not kept."""
        for number in numbers:
            if self._owned.pop(number, None) is not None:
                self._role.drop(number)
            # Also of those that are kept: they may be another process's by now.
            metrics.LAG.remove(str(number))
        metrics.ASSIGNED.set(len(self._owned))

    def reset(self) -> None:
        """Drop the state of every owned partition; all are in phase RESTORING."""
        for number in self._owned:
            self._role.drop(number)
        self.take(sorted(self._owned))

    def clear(self) -> None:
        """Own nothing any more, and commit nothing of it."""
        self._owned.clear()

    def restoring(self) -> list[Partition]:
        """Return the partitions to restore."""
        return [p for p in self._owned.values() if p.phase is Phase.RESTORING]

    def replaying(self) -> list[Partition]:
        """Return the partitions that replay."""
        return [p for p in self._owned.values() if p.phase is Phase.REPLAYING]

    def not_live(self) -> list[int]:
        """Return the numbers of the partitions that are not live; safe from other threads."""
        return sorted({p.number for p in list(self._owned.values()) if p.phase is not Phase.LIVE})

    def dirty(self) -> int:
        """Return how many keys changed since their checkpoint, of partitions that may be committed."""
        return sum(len(p.dirty) for p in self._owned.values() if p.committable)

    def show_lag(self, end_of: Callable[[int], int]) -> None:
        """Set the metric of each partition; `end_of` returns its end offset, below 0 if unknown."""
        for number, partition in self._owned.items():
            if (end := end_of(number)) >= 0:
                metrics.LAG.labels(str(number)).set(max(0, end - partition.positions.input))
