"""What becomes of records of others: by the format, then by the role that makes snapshots."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Reading, Snapshot, encode
from fleetleak.stream import Applied, Record
from producers.bridge.assemble import Assemble
from producers.bridge.decode import Decode

MIB = 2**20
GIB = 2**30
BEGIN = 1_700_000_000.0
"""2023-11-14T22:13:20Z"""

# Later than any point of the tests, so that none of them is ahead of its record.
_APPENDED = BEGIN + 86_000.0
_WAIT, _FUTURE = 15.0, 300.0
_snapshot = Decoder(Snapshot).decode


@dataclass
class Outcome:
    """What came of records.

    Attributes
    ----------
    written
        Everything that was published: keys, values, and the words about records that were refused.
    """

    snapshots: list[Snapshot] = field(default_factory=list)
    applied: Applied = field(default_factory=Applied)
    written: bytes = b""

    @property
    def left(self) -> dict[str, int]:
        """Points that are no part of a reading, by reason."""
        return self._counted(metrics.BRIDGE_LEFT_OUT)

    @property
    def not_assembled(self) -> dict[str, int]:
        """Readings that are no part of a snapshot, by reason."""
        return self._counted(metrics.NOT_ASSEMBLED)

    @property
    def unknown(self) -> int:
        """Records that hold nothing of use."""
        return self.applied.counts[(metrics.UNKNOWN_RECORDS,)]

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Why records were refused: the reasons and the words."""
        return [(one.reason, one.message) for one in self.applied.rejected]

    def take(self, applied: Applied) -> None:
        """Take what one role made of a record."""
        self.applied.add(applied)
        for output in applied.outputs:
            self.written += output.key + b"\n" + (output.value or b"") + b"\n"
            if output.topic == "snapshots":
                self.snapshots.append(_snapshot(output.value))
        for one in applied.rejected:
            self.written += f"{one.reason}\n{one.message}\n".encode()

    def _counted(self, counter: metrics.Counter) -> dict[str, int]:
        return {str(name[-1]): n for name, n in self.applied.counts.items() if name[0] is counter}


def bridged(name: str, values: Iterable[bytes | str]) -> Outcome:
    """Return what becomes of the values of records in one format, in their order."""
    decode = Decode(name, "readings")
    outcome = Outcome()
    readings: list[tuple[bytes, bytes | None]] = []
    for offset, value in enumerate(values):
        raw = value.encode() if isinstance(value, str) else value
        applied = decode.apply([_record(offset, b"any", raw, _APPENDED)])
        outcome.take(applied)
        readings += [(output.key, output.value) for output in applied.outputs]
    _assemble(readings, outcome)
    return outcome


def of_instance(snapshots: Sequence[Snapshot], instance: str) -> list[Snapshot]:
    """Return the snapshots of one instance."""
    return [one for one in snapshots if one.instance == instance]


def _assemble(readings: Iterable[tuple[bytes, bytes | None]], outcome: Outcome) -> None:
    """Make snapshots of readings; a record that is appended later shows that no more will come."""
    role = Assemble("snapshots", "readings", _WAIT, _FUTURE)
    clock = Reading(thing="host/clock", says="named", preset="node", time=BEGIN)
    waiting = deque([(*reading, _appended(reading[1])) for reading in readings])
    waiting.append(
        (clock.thing.encode(), encode(clock), max((one[2] for one in waiting), default=BEGIN) + 301)
    )
    offset = 0
    while waiting:
        key, value, appended = waiting.popleft()
        applied = role.apply([_record(offset, key, value, appended)])
        offset += 1
        outcome.take(applied)
        # What is told to a host comes back by the topic.
        waiting.extendleft(
            (output.key, output.value, appended)
            for output in reversed(applied.outputs)
            if output.topic == "readings"
        )


def _appended(value: bytes | None) -> float:
    """Return when a reading is appended: at its time, if that has come."""
    return min(Decoder(Reading).decode(value).time, _APPENDED)


def _record(offset: int, key: bytes, value: bytes | None, appended: float) -> Record:
    return Record(0, offset, key, value, appended, appended, "metrics")
