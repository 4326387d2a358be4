"""What the runtime knows of one input partition it owns."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field

from fleetleak.kafka.runtime.checkpoint import DirtyKeys

CONTROLS_KEPT = 8


class Phase(enum.Enum):
    """Where a partition is on its way to live."""

    RESTORING = "restoring"
    REPLAYING = "replaying"
    LIVE = "live"
    FLOODED = "flooded"


class FloodGate:
    """Notices when most of the newest records are unreadable.

    A few bad records are dead letters; a flood means that the reader is too old or the writer broken, and
    draining the topic into the dead letter would only move the problem.

    Examples
    --------
    >>> gate = FloodGate(least=2, ratio=0.5)
    >>> [gate.flooded([bad]) for bad in (False, True, False, True, True)]
    [False, False, False, True, True]
    """

    def __init__(self, least: int, ratio: float) -> None:
        self._least = least
        self._newest: deque[bool] = deque(maxlen=max(least, int(least / ratio)))
        self._bad = 0

    @property
    def clean(self) -> bool:
        """Whether none of the newest records was unreadable."""
        return self._bad == 0

    def flooded(self, bad: list[bool]) -> bool:
        """Note records, each readable or not; say whether it is a flood now."""
        for one in bad:
            if len(self._newest) == self._newest.maxlen:
                self._bad -= self._newest[0]
            self._newest.append(one)
            self._bad += one
        return self._bad >= self._least


@dataclass
class Partition:
    """State of one owned partition.

    Parameters
    ----------
    position
        The next input offset to apply; all before it are in memory.
    control_position
        The next control offset to apply.
    live_from
        Records before this offset were committed before: they are re-applied without publishing.
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
    position: int = 0
    control_position: int = 0
    live_from: int = 0
    topic_id: str = ""
    included: dict[bytes, int] = field(default_factory=dict)
    dirty: DirtyKeys = field(default_factory=DirtyKeys)
    parts: dict[bytes, int] = field(default_factory=dict)
    controls: dict[bytes, list[tuple[int, int]]] = field(default_factory=dict)

    def note_control(self, name: bytes, control_offset: int) -> None:
        """Record where in the key's order a control record took effect."""
        kept = self.controls.setdefault(name, [])
        kept.append((control_offset, self.position - 1))
        del kept[:-CONTROLS_KEPT]
