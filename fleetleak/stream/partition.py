"""What the runtime knows of one input partition it owns."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from fleetleak.stream.checkpoint import DirtyKeys
from fleetleak.stream.flood import FloodGate

CONTROLS_KEPT = 8


class Phase(enum.Enum):
    """Where a partition is on its way to live."""

    RESTORING = "restoring"
    REPLAYING = "replaying"
    LIVE = "live"
    FLOODED = "flooded"


@dataclass
class Partition:
    """State of one owned partition.

    Parameters
    ----------
    owned_since
        When it was last taken, seconds of the process's monotonic clock: for the metric of restores only.
    position
        The next input offset to apply; all before it are in memory.
    control_position
        The next control offset to apply.
    live_from
        Records before this offset were committed before: they are re-applied without publishing.
    topic_id, partitions
        The input topic's id, and how many partitions it has.
    included
        While replaying: the newest offset each restored key's checkpoint includes.
    parts
        Over how many records a key's checkpoint is spread, where that is more than one.
    controls
        The newest control records applied to each key, as (control offset, input offset before it).
    """

    number: int
    gate: FloodGate
    phase: Phase = Phase.RESTORING
    owned_since: float = 0.0
    position: int = 0
    control_position: int = 0
    live_from: int = 0
    topic_id: str = ""
    partitions: int = 0
    included: dict[bytes, int] = field(default_factory=dict)
    dirty: DirtyKeys = field(default_factory=DirtyKeys)
    parts: dict[bytes, int] = field(default_factory=dict)
    controls: dict[bytes, list[tuple[int, int]]] = field(default_factory=dict)

    def forget(self) -> None:
        """Become as new, but for the flood gate."""
        fresh = Partition(self.number, self.gate, owned_since=self.owned_since)
        self.__dict__.update(fresh.__dict__)

    def note_control(self, name: bytes, control_offset: int) -> None:
        """Record where in the key's order a control record took effect."""
        kept = self.controls.setdefault(name, [])
        kept.append((control_offset, self.position - 1))
        del kept[:-CONTROLS_KEPT]
