"""The scoring role: snapshots in, one score each out; models learn on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleetleak.kafka import topics
from fleetleak.kafka.runtime import Applied, Key, Output, Record
from fleetleak.observe import metrics
from fleetleak.settings import Settings
from processors.encode import Encoder
from processors.evidence.engine import Evidence, Samples
from processors.intake import Batch, Intake
from processors.methods import Methods
from processors.services import Services

VERSION = 1


class _Shared:
    """The evidence engine's rows of services, as a part of their state."""

    def __init__(self, evidence: Evidence) -> None:
        self.dump = evidence.dump_service
        self.load = evidence.load_service
        self.reset = evidence.reset_service
        self.grow = evidence.grow_services
        self.nbytes = evidence.nbytes_services


class Scoring:
    """The role of the processor (`fleetleak.kafka.runtime.Role`)."""

    NAME = "processor"

    def __init__(self, settings: Settings, scores_topic: str) -> None:
        ours = settings.processor
        self._evidence = Evidence()
        self._methods = Methods(ours)
        self._services = Services(
            {**self._methods.service_parts(), "normal": _Shared(self._evidence)},
            {**self._methods.instance_parts(), "evidence": self._evidence},
            ours.memory_budget_bytes,
            ours.forget_seconds,
        )
        self._intake = Intake(self._services, settings.runtime.future_seconds)
        self._encoder = Encoder()
        self._topic = scores_topic

    @classmethod
    def from_settings(cls, settings: Settings) -> Scoring:
        """Make the role as the command does."""
        return cls(settings, topics.names(settings.kafka.topic_prefix).scores)

    @property
    def fingerprint(self) -> str:
        """Version of the stored form. Models check their own parameters when they are loaded."""
        return f"scoring/{VERSION}"

    def apply(self, records: Sequence[Record]) -> Applied:
        """Score a batch, in pieces that fit the memory budget."""
        applied = Applied()
        size = self._services.most_records()
        for begin in range(0, len(records), size):
            self._apply(records[begin : begin + size], applied)
        return applied

    @metrics.BATCH_SECONDS.time()
    def _apply(self, records: Sequence[Record], applied: Applied) -> None:
        self._services.make_room(len(records))
        batch, rejected = self._intake.admit(records)
        applied.rejected += rejected
        if len(batch):
            values = self._score(batch)
            applied.outputs += [
                Output(self._topic, record.key or b"", value, record.partition)
                for record, value in zip(batch.records, values, strict=True)
            ]
        metrics.SCORED.inc(len(batch))
        metrics.KEYS.set(len(self._services))

    def _score(self, batch: Batch) -> list[bytes]:
        measured = np.array([s is not None for s in batch.shares])
        at = np.flatnonzero(measured)
        samples = Samples.of(batch, at)
        trend = self._evidence.observe(batch.instance_rows[at], batch.service_rows[at], samples)
        found = self._methods.observe(
            batch.service_rows[at], batch.instance_rows[at], samples.memory, samples.room, trend.restarted,
            ~trend.significant,
        )  # fmt: skip
        return self._encoder.encode(batch, at, trend, found)

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Labels act in the alerting sink; here nothing changes yet."""
        return None, Applied()

    def dump(self, key: Key) -> bytes | None:
        """Exact state of a service and its instances."""
        return self._services.dump(key)

    def load(self, key: Key, state: bytes) -> None:
        """Put a service's state back."""
        self._services.load(key, state)

    def drop(self, partition: int) -> None:
        """Forget the services of a partition."""
        self._services.drop(partition)
