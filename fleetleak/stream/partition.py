"""One input partition that this process owns: its phase, its positions, and what is known of its keys.

```
  assigned                      restored               caught up             most records unreadable
 ----------> RESTORING -----------------> REPLAYING ------------> LIVE ------------------> FLOODED
                 ^                            |                    |                          |
                 +----------------------------+--------------------+--------------------------+
                    assigned again, or an aborted transaction: it is restored once more
```

RESTORING: stored state is read; records are refused, because it is not known yet where to begin.
REPLAYING: records that were committed before are applied again, without publishing.
LIVE: records are applied and their outputs published.
FLOODED: consumption is paused; what was applied is still committed. Only a new start ends it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from fleetleak.stream.dirty import DirtyKeys
from fleetleak.stream.flood import FloodGate
from fleetleak.stream.positions import Positions
from fleetleak.stream.role import Topics

CONTROLS_KEPT = 8


class Phase(enum.Enum):
    """Where a partition is on its way to live."""

    RESTORING = "restoring"
    REPLAYING = "replaying"
    LIVE = "live"
    FLOODED = "flooded"


class Partition:
    """State of one owned partition. Only its own methods change it.

    Attributes
    ----------
    phase
        See the diagram above.
    owned_since
        When it was last assigned or reset, monotonic seconds: for the metric of restores only.
    positions
        The next offsets to apply.
    dirty
        Keys that changed since their checkpoint.
    keys
        Number of keys that were restored; 0 once it is live.
    """

    def __init__(self, number: int, gate: FloodGate, topics: Topics) -> None:
        self.number = number
        self.gate = gate
        self.phase = Phase.RESTORING
        self.owned_since = 0.0
        self._topics = topics
        # Whether the whole state is in memory. A restore that another assignment replaces leaves half of it.
        self._loaded = False
        self.start_cold()

    # Transitions.

    def assign(self, now: float) -> None:
        """From any phase: restore it. `now` is in monotonic seconds."""
        self.phase = Phase.RESTORING
        self.owned_since = now

    def start_cold(self) -> None:
        """Forget positions and keys; what was seen of its flood is kept."""
        self._loaded = False
        self.positions = Positions(self._topics, self.number)
        self.dirty = DirtyKeys()
        # While replaying: the newest offset that each restored key's checkpoint includes.
        self._included: dict[bytes, int] = {}
        # Over how many records a key's checkpoint is spread, if more than one.
        self._parts: dict[bytes, int] = {}
        # The newest side records of each key, as (their offset, the input offset before them).
        self._controls: dict[bytes, list[tuple[int, int]]] = {}

    def replay(self) -> None:
        """RESTORING to REPLAYING."""
        self._leave(Phase.RESTORING)
        self.phase = Phase.REPLAYING
        self._loaded = True

    def go_live(self) -> None:
        """REPLAYING to LIVE."""
        self._leave(Phase.REPLAYING)
        self.phase = Phase.LIVE
        self._included = {}

    def flood(self) -> None:
        """LIVE to FLOODED."""
        self._leave(Phase.LIVE)
        self.phase = Phase.FLOODED

    def _leave(self, expected: Phase) -> None:
        if self.phase is not expected:
            raise RuntimeError(f"partition {self.number} is {self.phase.value}, not {expected.value}")

    # Questions.

    def is_current(self, committed: Mapping[str, int]) -> bool:
        """Return whether its state is in memory, and the group's offsets are where this process left them.

        If so, no other process owned it in between, and there is nothing to restore.
        """
        return self._loaded and self.positions.is_committed(committed)

    @property
    def flowing(self) -> bool:
        """Whether its records are applied."""
        return self.phase in (Phase.REPLAYING, Phase.LIVE)

    @property
    def committable(self) -> bool:
        """Whether its offsets may be committed; in a replay they are behind what was committed before."""
        return self.phase in (Phase.LIVE, Phase.FLOODED)

    @property
    def replayed(self) -> bool:
        """Whether nothing is left to replay."""
        return self.positions.behind == 0

    @property
    def keys(self) -> int:
        """Number of keys that were restored."""
        return len(self._included)

    def is_included(self, key: bytes | None, offset: int) -> bool:
        """Return whether a restored checkpoint of the key includes the record at this offset."""
        return offset <= self._included.get(key or b"", -1)

    # What is known of keys.

    def has_parts(self, name: bytes, count: int) -> None:
        """Note over how many records a key's checkpoint is spread."""
        if count > 1:
            self._parts[name] = count
        else:
            self._parts.pop(name, None)

    def parts_of(self, name: bytes) -> int:
        """Return over how many records a key's checkpoint is spread."""
        return self._parts.get(name, 1)

    def restored(self, name: bytes, offset: int, controls: list[tuple[int, int]]) -> None:
        """Note that a key was loaded from a checkpoint that includes the input up to `offset`."""
        self._included[name] = offset
        if controls:
            self._controls[name] = controls

    def note_control(self, name: bytes, side_offset: int) -> None:
        """Note after which input record a side record changed a key."""
        kept = self._controls.setdefault(name, [])
        kept.append((side_offset, self.positions.input - 1))
        del kept[:-CONTROLS_KEPT]

    def controls_of(self, name: bytes) -> list[tuple[int, int]]:
        """Return the newest side records of a key, as (their offset, the input offset before them)."""
        return self._controls.get(name, [])
