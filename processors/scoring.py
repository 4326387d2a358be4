"""The scoring role: snapshots in, one score each out; models learn on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleetleak.kafka import topics
from fleetleak.observe import metrics
from fleetleak.records import control
from fleetleak.records.control import ModelDelete, ModelImport, ModelPrior
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Key, Output, Record, Rejected
from processors.columns import Flags, Floats, Rows
from processors.encode import Encoder
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.normal_rise import without_age
from processors.evidence.samples import Samples
from processors.intake import Batch, Intake
from processors.methods.ensemble import Methods
from processors.services import FIRST_ROWS, Services
from processors.siblings import SiblingView, watch

VERSION = 3


class Scoring:
    """The role of the processor (`fleetleak.stream.Role`)."""

    NAME = "processor"

    def __init__(self, settings: Settings, scores_topic: str) -> None:
        ours = settings.processor
        self._evidence = Evidence(FIRST_ROWS, FIRST_ROWS)
        self._methods = Methods(ours)
        self._services = Services(
            {**self._methods.service_parts(), "normal": self._evidence.services},
            {**self._methods.instance_parts(), "evidence": self._evidence.instances},
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

    def _apply(self, records: Sequence[Record], applied: Applied) -> None:
        self._services.make_room(len(records))
        for batch in self._intake.admit(records, applied.rejected):
            applied.outputs += [
                Output(self._topic, record.key or b"", value, record.partition)
                for record, value in zip(batch.records, self._score(batch), strict=True)
            ]
            metrics.SCORED.inc(len(batch))
        metrics.KEYS.set(len(self._services))

    def _score(self, batch: Batch) -> list[bytes]:
        at = np.flatnonzero([size is not None for size in batch.sizes])
        samples = _samples(batch, at)
        services, instances = batch.service_rows[at], batch.instance_rows[at]
        trend = self._evidence.observe(instances, services, samples)
        restarted = trend.restarted
        # While growth is significant nothing odd about it is learned as normal (evidence/learning_pause.py).
        found = self._methods.observe(
            services,
            instances,
            samples.memory / _units(batch, at),
            samples.used / samples.limit,
            restarted=restarted,
            learn=trend.learns,
            suspected=trend.suspected,
        )
        for name, refused in found.refused.items():
            metrics.REFUSED.labels(name).inc(refused)
        metrics.RESTARTS.inc(int(np.count_nonzero(restarted)))
        for name, flags in found.drift.items():
            flags &= ~trend.suspected  # growth that is suspected is told as such, not as drift
            metrics.DRIFTS.labels(name).inc(int(np.count_nonzero(flags)))
        views = _views(batch, at, samples, trend, restarted)
        return self._encoder.encode(batch, at, trend, found, views)

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Import, lend or delete the state of a service; labels act in the alerting sink."""
        applied = Applied()
        key = Key(record.partition, record.key or b"")
        try:
            match control.read(record.value):
                case ModelImport(state=state):
                    self._services.load(key, state)
                case ModelPrior(state=state):
                    if not self._services.lend(key, state, _lendable):
                        metrics.CONTROLS.labels("model", "not-cold").inc()
                        return key, applied
                case ModelDelete():
                    self._services.remove(key)
                case _:
                    return None, applied
        except ValueError as error:
            metrics.CONTROLS.labels("model", "refused").inc()
            applied.rejected.append(Rejected(record, getattr(error, "reason", "invalid"), str(error)))
            return None, applied
        metrics.CONTROLS.labels("model", "applied").inc()
        return key, applied

    def dump(self, key: Key) -> bytes | None:
        """Exact state of a service and its instances."""
        return self._services.dump(key)

    def load(self, key: Key, state: bytes) -> None:
        """Put a service's state back."""
        self._services.load(key, state)

    def drop(self, partition: int) -> None:
        """Forget the services of a partition."""
        self._services.drop(partition)


def _lendable(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Give the parts of a service as another one may have them: how long it has been known is its own."""
    return parts | {"normal": without_age(parts["normal"])} if "normal" in parts else parts


def _samples(batch: Batch, at: Rows) -> Samples:
    sizes = [size for size in batch.sizes if size is not None]
    snapshots = [batch.snapshots[i] for i in at.tolist()]
    return Samples(
        time=np.array([s.timestamp for s in snapshots], dtype=np.float64),
        memory=np.array([s.memory for s in sizes], dtype=np.float64),
        limit=np.array([s.limit for s in sizes], dtype=np.float64),
        used=np.array([s.used for s in sizes], dtype=np.float64),
        left=np.array([s.left for s in sizes], dtype=np.float64),
        restarted=batch.restarted[at],
        timed=np.array([s.started is not None for s in snapshots], dtype=np.bool_),
        load=np.array(batch.loads, dtype=np.float64)[at],
        faults=np.array(batch.faults, dtype=np.float64)[at],
        swap=np.array([(s.swap_used or 0) for s in snapshots], dtype=np.float64),
    )


def _units(batch: Batch, at: Rows) -> Floats:
    """Bytes that a share of 1 stands for in learned models."""
    return np.array(batch.units, dtype=np.float64)[at]


def _views(
    batch: Batch, at: Rows, samples: Samples, trend: TrendFindings, restarted: Flags
) -> dict[int, SiblingView]:
    positions = at.tolist()
    owners = [batch.owners[i] for i in positions]
    snapshots = [batch.snapshots[i] for i in positions]
    suspected = trend.suspected.tolist()
    return watch(owners, snapshots, samples.memory.tolist(), suspected, restarted.tolist())
