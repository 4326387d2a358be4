"""Properties of decoders and roles that hold for any input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fleetleak.records import Alert, Decoder, Drift, Score, Unreadable, control
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Record, Role
from fleetleak.stream.dead_letter import Origin, headers, origin
from processors.scoring import Scoring
from sinks.alerting.leak.role import LeakAlerting
from sinks.drift import DriftSink
from sinks.policy.file import read as read_policy


def read(kind: type[msgspec.Struct], value: bytes | None) -> None:
    """Check that a decoder returns a record or raises Unreadable."""
    _read(Decoder(kind).decode, value)
    _read(control.read, value)


def _read(decode: Callable[[bytes | None], object], value: bytes | None) -> None:
    refused = None
    try:
        decode(value)
    except Unreadable as error:
        refused = error
    if refused is not None:
        assert refused.reason
        assert "\n" not in str(refused)
        assert len(str(refused)) < 2000


def origins(received: list[tuple[str, bytes | None]] | None) -> None:
    """Check that any headers are read as a dead letter's, or as none."""
    assert isinstance(origin(received), Origin | None)


class Roles:
    """One of each role; every case has a partition of its own, which `begin` makes."""

    def __init__(self) -> None:
        self.scoring = Scoring(Settings(), "scores")
        settings = Settings().alerting
        self.alerting = [
            LeakAlerting(settings, read_policy(None), "alerts", "silent", track)
            for track in ("main", "t" * 200)
        ]
        self.partition = 0

    def begin(self) -> None:
        """Forget all state, and continue with another partition."""
        for role in self._all():
            role.drop(self.partition)
        self.partition += 1

    def _all(self) -> list[Role]:
        return [self.scoring, *self.alerting, DriftSink("drift")]

    def take_snapshots(self, records: Sequence[Record]) -> None:
        """Apply snapshots; the sinks apply or reject the scores."""
        scored = self.scoring.apply([self._here(record) for record in records])
        readable(scored)
        self.take_scores([Record(0, n, o.key, o.value, 0.0) for n, o in enumerate(scored.outputs)])

    def take_scores(self, records: Sequence[Record]) -> None:
        """Apply scores in every sink."""
        for role in self._all()[1:]:
            readable(role.apply([self._here(record) for record in records]))

    def take_control(self, record: Record) -> None:
        """Apply a control record in every role."""
        for role in self._all():
            readable(role.control(self._here(record))[1])

    def _here(self, record: Record) -> Record:
        return msgspec.structs.replace(record, partition=self.partition)


_READERS: dict[str, Callable[[bytes | None], object]] = {
    "scores": Decoder(Score).decode,
    "alerts": Decoder(Alert).decode,
    "silent": Decoder(Alert).decode,
    "drift": Decoder(Drift).decode,
}


def readable(applied: Applied) -> None:
    """Check that every output of a role is readable, and that every rejected record can be a dead letter."""
    for output in applied.outputs:
        assert output.key
        _READERS[output.topic](output.value)
    for rejected in applied.rejected:
        assert rejected.reason
        assert origin([(n, v if isinstance(v, bytes) else None) for n, v in headers(rejected)]) is not None
