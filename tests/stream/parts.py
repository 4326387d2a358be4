"""Small roles written on `Keyed`, as a newcomer writes them."""

from __future__ import annotations

import msgspec

from fleetleak.records import Unreadable
from fleetleak.stream import Record
from fleetleak.stream.emit import Emit
from fleetleak.stream.keyed import Keyed, Nothing

SILENT_SECONDS = 300.0


class Heard(msgspec.Struct, frozen=True):
    """The number of records, and the append time of the newest one."""

    count: int
    newest: float


class Silence(Keyed[float, Heard]):
    """Says when a key has been silent for five minutes, and that it is back. `ignore` changes nothing."""

    NAME = "silence"
    STATE = Heard

    def __init__(self, topic: str = "silence") -> None:
        super().__init__()
        self._topic = topic

    def read(self, record: Record) -> float:
        if record.value == b"bad":
            raise Unreadable("malformed", "bad on purpose")
        return -1.0 if record.value == b"ignore" else record.appended

    def step(self, state: Heard | None, record: float, emit: Emit) -> Heard | None:
        if record < 0:
            return state
        emit.wake(record + SILENT_SECONDS)
        if state is not None and record - state.newest > SILENT_SECONDS:
            emit.output(self._topic, b"back", transition=True)
        return Heard(1 if state is None else state.count + 1, record)

    def on_time(self, state: Heard, due: float, emit: Emit) -> Heard | None:
        emit.output(self._topic, b"silent since %.0f after %d" % (state.newest, state.count), transition=True)
        return state

    def on_side(self, state: Heard | None, record: Record, emit: Emit) -> Heard | None:
        if record.value == b"forget":
            return None
        emit.rekeyed(self._topic, b"asked", b"%d" % (state.count if state else 0))
        return state


class Many(Keyed[int, Nothing]):
    """Publishes as many records as each of its own says."""

    NAME = "many"

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def read(self, record: Record) -> int:
        return int(record.value or b"0")

    def step(self, state: Nothing | None, record: int, emit: Emit) -> None:
        for number in range(record):
            emit.rekeyed(self._topic, b"%d" % (number % 7), b"%d" % number)


class Totals(msgspec.Struct):
    """A sum; not frozen."""

    total: int = 0


class Summing(Keyed[int, Totals]):
    """Publishes the running sum of a key's numbers, under a key of its own."""

    NAME = "summing"
    STATE = Totals

    def read(self, record: Record) -> int:
        try:
            return int(record.value or b"")
        except ValueError:
            raise Unreadable("malformed", "no number") from None

    def step(self, state: Totals | None, record: int, emit: Emit) -> Totals:
        state = state or Totals()
        state.total += record
        emit.rekeyed("sums", b"sum-of-" + emit.key.name, b"%d" % state.total)
        return state
