"""Formats of one point for each record: from the text of records to snapshots."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Reading, Snapshot, encode
from fleetleak.stream import Applied, Output, Record
from producers.bridge.assemble import Assemble
from producers.bridge.decode import Decode

BEGIN = 1_700_000_000.0
MIB, GIB = 2**20, 2**30
WAIT = 15.0

_snapshot = Decoder(Snapshot).decode
# A reading of something else, by which time passes.
_CLOCK = Reading(thing="host/clock", says="named", preset="node", time=BEGIN)


def decoded(name: str, *values: bytes) -> Applied:
    """Return what a format makes of records."""
    return Decode(name, "readings").apply(
        [Record(0, at, None, value, BEGIN) for at, value in enumerate(values)]
    )


def left_out(applied: Applied) -> dict[str, int]:
    """Return how many points were left out, by reason."""
    return _of(metrics.BRIDGE_LEFT_OUT, applied.counts)


def refused(name: str, value: bytes) -> str:
    """Return why a format refuses a record, in one word."""
    applied = decoded(name, value)
    (rejected,) = applied.rejected
    assert not applied.outputs
    assert not applied.counts
    return rejected.reason


class Bridge:
    """A format and what makes snapshots of its readings.

    Parameters
    ----------
    name
        The format.

    Attributes
    ----------
    outputs
        What both roles have published, in order.
    not_assembled
        How many readings are no part of a snapshot, by reason.
    """

    def __init__(self, name: str) -> None:
        self._decode = Decode(name, "readings")
        self._assemble = Assemble("snapshots", "readings", WAIT, 300.0)
        self._offset = 0
        self._now = BEGIN
        self.outputs: list[Output] = []
        self._counts: Counter[metrics.Count] = Counter()

    @property
    def not_assembled(self) -> dict[str, int]:
        return _of(metrics.NOT_ASSEMBLED, self._counts)

    def feed(self, texts: Iterable[str], now: float) -> list[Snapshot]:
        """Take records that are appended now; return the snapshots that need not wait."""
        self._now = now
        applied = self._decode.apply([self._record(None, text.encode()) for text in texts])
        assert not applied.rejected
        self.outputs += applied.outputs
        return self._assembled(applied.outputs)

    def silent(self) -> list[Snapshot]:
        """Let five minutes pass; return the snapshots that were waiting."""
        self._now += 301.0
        return self._assembled([Output("readings", _CLOCK.thing.encode(), encode(_CLOCK))])

    def _assembled(self, outputs: Sequence[Output]) -> list[Snapshot]:
        found, waiting = [], deque(outputs)
        while waiting:
            reading = waiting.popleft()
            applied = self._assemble.apply([self._record(reading.key, reading.value)])
            assert not applied.rejected
            self._counts += applied.counts
            self.outputs += applied.outputs
            waiting += [one for one in applied.outputs if one.topic == "readings"]
            found += [_snapshot(one.value) for one in applied.outputs if one.topic == "snapshots"]
        return found

    def _record(self, key: bytes | None, value: bytes | None) -> Record:
        self._offset += 1
        return Record(0, self._offset, key, value, self._now, self._now)


def snapshots(name: str, texts: Iterable[str], now: float = BEGIN) -> list[Snapshot]:
    """Return all snapshots that come of the records of a format."""
    bridge = Bridge(name)
    return bridge.feed(texts, now) + bridge.silent()


def _of(counter: metrics.Counter, counts: Counter[metrics.Count]) -> dict[str, int]:
    return {str(labels[0]): n for (one, *labels), n in counts.items() if one is counter}
