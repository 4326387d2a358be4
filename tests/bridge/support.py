"""Messages through the two roles of a bridge, in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Reading, Snapshot, encode
from fleetleak.stream import Applied, Key, Record
from producers.bridge.assemble import Assemble
from producers.bridge.decode import Decode
from tests.bridge.otlp import BEGIN

SNAPSHOTS, READINGS = "snapshots", "readings"
WAIT, FUTURE, SILENT, DAY = 15.0, 300.0, 300.0, 86_400.0

_as_reading = Decoder(Reading).decode
_as_snapshot = Decoder(Snapshot).decode


class Decoded(NamedTuple):
    """What came of one record of others.

    Parameters
    ----------
    left
        Points that were left out, by reason.
    rejected
        The reason and the message, if the record was.
    unknown
        Whether it holds no metric of a preset.
    """

    readings: list[Reading]
    left: dict[str, int]
    rejected: list[tuple[str, str]]
    unknown: bool


def decoded(value: bytes | None, key: bytes | None = None) -> Decoded:
    """Return what `fleetleak bridge otlp` makes of one record."""
    return _decoded(Decode("otlp", READINGS).apply([Record(0, 0, key, value, BEGIN, BEGIN)]))


def _decoded(applied: Applied) -> Decoded:
    readings = []
    for output in applied.outputs:
        reading = _as_reading(output.value)
        assert (output.topic, output.key) == (READINGS, reading.thing.encode())
        readings.append(reading)
    return Decoded(
        readings,
        _by_label(applied.counts, metrics.BRIDGE_LEFT_OUT),
        [(one.reason, one.message) for one in applied.rejected],
        (metrics.UNKNOWN_RECORDS,) in applied.counts,
    )


def assembler(wait_seconds: float = WAIT) -> Assemble:
    """Return the role that puts readings together."""
    return Assemble(SNAPSHOTS, READINGS, wait_seconds, FUTURE)


class Bridge:
    """Both roles, one after the other; each topic has one partition.

    Attributes
    ----------
    clock
        The append time of the newest record, unix seconds.
    snapshots
        What was published, oldest first.
    told
        What hosts were told of what is inside them.
    rejected
        Why readings were rejected.
    """

    def __init__(self, wait_seconds: float = WAIT, role: Assemble | None = None) -> None:
        self._decode = Decode("otlp", READINGS)
        self._assemble = role or assembler(wait_seconds)
        self._counts: Counter[metrics.Count] = Counter()
        self.clock = 0.0
        self.snapshots: list[Snapshot] = []
        self.told: list[Reading] = []
        self.rejected: list[str] = []

    def send(self, *messages: bytes, at: float | None = None) -> Bridge:
        """Take messages of OpenTelemetry; `at` is when they are appended, else when the newest point was."""
        for message in messages:
            applied = self._decode.apply([Record(0, 0, None, message, BEGIN, BEGIN)])
            assert not applied.rejected
            self.tell(*_decoded(applied).readings, at=at)
        return self

    def tell(self, *readings: Reading, at: float | None = None) -> Bridge:
        """Take readings."""
        for reading in readings:
            self.append(reading.thing.encode(), encode(reading), reading.time if at is None else at)
        return self

    def append(self, key: bytes, value: bytes, at: float) -> None:
        """Take one record of the topic of readings, and those that it makes."""
        self.clock = max(self.clock, at)
        applied = self._assemble.apply([Record(0, 0, key, value, at, self.clock)])
        self._counts += applied.counts
        self.rejected += [one.reason for one in applied.rejected]
        for output in applied.outputs:
            if output.topic == SNAPSHOTS:
                snapshot = _as_snapshot(output.value)
                assert output.key == snapshot.service.encode()
                self.snapshots.append(snapshot)
            else:
                told = _as_reading(output.value)
                self.told.append(told)
                self.append(output.key, output.value or b"", self.clock)

    def wait(self, seconds: float) -> Bridge:
        """Let time pass: another thing has a reading."""
        at = self.clock + seconds
        return self.tell(Reading(thing="host/other", says="inside", preset="inside", time=at), at=at)

    def end(self) -> list[Snapshot]:
        """Let everything become silent; return all snapshots."""
        return self.wait(SILENT).snapshots

    @property
    def left(self) -> dict[str, int]:
        """How many readings are no part of a snapshot, by reason."""
        return _by_label(self._counts, metrics.NOT_ASSEMBLED)

    def state(self, thing: str) -> bytes | None:
        """Return what is kept of a thing."""
        return self._assemble.dump([Key(0, thing.encode())])[0]


def snapshots(*messages: bytes) -> list[Snapshot]:
    """Return the snapshots of some messages."""
    return Bridge().send(*messages).end()


def column(made: Iterable[Snapshot], field: str, instance: str | None = None) -> list[Any]:
    """Return one field of all snapshots, or of those of one instance."""
    return [getattr(one, field) for one in made if instance in (None, one.instance)]


def _by_label(counts: Counter[metrics.Count], counter: metrics.Counter) -> dict[str, int]:
    return {label: number for (one, *labels), number in counts.items() if one is counter for label in labels}


# OpenTelemetry's JSON.

# As the Collector and as protobuf's own JSON write what is no number.
_COLLECTORS = {"Infinity": "+Inf", "-Infinity": "-Inf"}
_WHOLE = frozenset({"asInt", "intValue", "timeUnixNano", "startTimeUnixNano"})


def json_of(message: bytes) -> bytes:
    """Return a message in the JSON that protobuf makes of it."""
    return json.dumps(_fields(message), indent=1).encode()


def collectors_json_of(message: bytes) -> bytes:
    """Return a message in JSON as the Collector spells it."""
    spelled = _each(_fields(message), lambda name, value: _COLLECTORS.get(value, value))
    return json.dumps(spelled, separators=(",", ":"), ensure_ascii=False).encode()


def plain_json_of(message: bytes) -> bytes:
    """Return a message in JSON in which numbers of 64 bits are numbers, as some write them."""
    return json.dumps(_each(_fields(message), lambda n, v: int(v) if n in _WHOLE else v)).encode()


def _fields(message: bytes) -> dict[str, Any]:
    made = json_format.MessageToDict(
        ExportMetricsServiceRequest.FromString(message), use_integers_for_enums=True
    )
    assert isinstance(made, dict)
    return made


def _each(value: Any, change: Any, name: str = "") -> Any:
    """Return a document with each of its values changed."""
    if isinstance(value, dict):
        return {key: _each(one, change, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_each(one, change, name) for one in value]
    return change(name, value)


SPELLINGS: Sequence[Any] = (json_of, collectors_json_of, plain_json_of)
