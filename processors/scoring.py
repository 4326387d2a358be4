"""The scoring role: one score per snapshot. Its models learn on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fleetleak.observe import metrics
from fleetleak.records import control
from fleetleak.records.control import ModelDelete, ModelImport, ModelPrior
from fleetleak.settings import Settings
from fleetleak.stream import Applied, Key, Output, Record, Rejected
from fleetleak.stream.records import Records
from processors import kernels
from processors.decode.decoder import SnapshotDecoder
from processors.evidence.engine import Evidence
from processors.evidence.findings import TrendFindings
from processors.evidence.normal_rise import without_age
from processors.evidence.samples import Samples
from processors.methods.base import MethodFindings
from processors.methods.ensemble import Methods
from processors.place.placed import Placed
from processors.place.placing import Placing
from processors.place.services import Services
from processors.place.table import FIRST_ROWS
from processors.place.watch import watch
from processors.write.details import Details
from processors.write.scores import write, write_unmeasured

VERSION = 3


class Scoring:
    """The role of the processor (`fleetleak.stream.Role`).

    Parameters
    ----------
    settings
        Its section `processor` says which methods run, and how much memory they may take.
    scores_topic
        Full name of the topic that takes the scores.

    Raises
    ------
    BadSetting
        If the settings name a method or a River model that does not exist.
    """

    def __init__(self, settings: Settings, scores_topic: str) -> None:
        ours = settings.processor
        self._evidence = Evidence(FIRST_ROWS, FIRST_ROWS)
        self._methods = Methods(ours)
        self.services = Services(
            {**self._methods.service_parts(), "normal": self._evidence.services},
            {**self._methods.instance_parts(), "evidence": self._evidence.instances},
            ours.memory_budget_bytes,
            ours.forget_seconds,
        )
        self._decoder = SnapshotDecoder(self.services.identities, settings.runtime.future_seconds)
        self._placing = Placing(self.services)
        self._topic = scores_topic

    @property
    def fingerprint(self) -> str:
        """Version of the stored form. Each model checks its own parameters when its state is loaded."""
        return f"scoring/{VERSION}"

    def apply(self, records: Sequence[Record]) -> Applied:
        """Score records, in pieces that fit the memory budget."""
        applied = Applied()
        columns, size = Records.of(records), self.services.most_records()
        for begin in range(0, len(columns), size):
            self._apply(columns[begin : begin + size] if size < len(columns) else columns, applied)
        return applied

    def _apply(self, records: Records, applied: Applied) -> None:
        services = self.services
        services.identities.trim()
        applied.count(metrics.EVICTIONS, n=services.make_room(len(records)))
        while len(records):
            decoded = self._decoder.decode(records, applied.rejected)
            placed, records = self._placing.place(decoded, applied)
            self._publish(placed, self._score(placed, applied), applied)
        applied.levels[metrics.KEYS] = float(len(services))
        applied.levels[metrics.KERNELS] = float(kernels.compiled() is not None)

    def _publish(self, placed: Placed, scores: list[bytes], applied: Applied) -> None:
        records, topic = placed.snapshots.records, self._topic
        places = zip(records.keys, scores, records.partitions, strict=True)
        applied.outputs += [Output(topic, key or b"", score, partition) for key, score, partition in places]
        applied.count(metrics.SCORED, n=len(placed))

    def _score(self, placed: Placed, applied: Applied) -> list[bytes]:
        """Return the score of each snapshot, also of those that cannot be measured."""
        known = placed.sizes.known
        if known.all():
            return self._score_measured(placed, applied) if len(placed) else []
        scores = [b""] * len(placed)
        measured, others = np.flatnonzero(known), np.flatnonzero(~known)
        parts = [(others, write_unmeasured(placed.take(others), self.services.identities))]
        if len(measured):
            parts.append((measured, self._score_measured(placed.take(measured), applied)))
        for places, written in parts:
            for place, score in zip(places.tolist(), written, strict=True):
                scores[place] = score
        return scores

    def _score_measured(self, placed: Placed, applied: Applied) -> list[bytes]:
        samples = _samples(placed)
        trend = self._evidence.observe(placed.instances, placed.services, samples)
        # Models of services pause while growth is significant (evidence/learning_pause.py).
        methods = self._methods.observe(
            placed.services,
            placed.instances,
            samples.memory / placed.units,
            samples.used / samples.limit,
            restarted=trend.restarted,
            learn=trend.learns,
            suspected=trend.suspected,
        )
        methods = _drift_apart_from_growth(methods, trend)
        _count(trend, methods, applied)
        views = watch(self.services, placed, trend.suspected, trend.restarted)
        identities = self.services.identities
        details = Details(placed, identities, trend, methods, views, self._decoder.snapshot)
        return write(placed, identities, trend, methods, details)

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Import, lend or delete the state of a service. Labels and promotions concern the alerting sink."""
        applied = Applied()
        key = Key(record.partition, record.key or b"")
        try:
            match control.read(record.value):
                case ModelImport(state=state):
                    self.services.load(key, state)
                case ModelPrior(state=state):
                    if not self.services.lend(key, state, _lendable):
                        applied.count(metrics.CONTROLS, "model", "not-cold")
                        return key, applied
                case ModelDelete():
                    self.services.remove(key)
                case _:
                    return None, applied
        except ValueError as error:
            applied.count(metrics.CONTROLS, "model", "refused")
            applied.rejected.append(Rejected(record, getattr(error, "reason", "invalid"), str(error)))
            return None, applied
        applied.count(metrics.CONTROLS, "model", "applied")
        return key, applied

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Return the exact state of each service with its instances, in order; None if it is not known."""
        return self.services.dump_many(keys)

    def load(self, key: Key, state: bytes) -> None:
        """Put the state of a service back.

        Raises
        ------
        ValueError
            If the bytes are not a stored service; nothing has changed then.
        """
        self.services.load(key, state)

    def drop(self, partition: int) -> None:
        """Forget every service of a partition."""
        self.services.drop(partition)


def _samples(placed: Placed) -> Samples:
    """Return what the evidence looks at; numbers as floats."""
    sizes, snapshots = placed.sizes, placed.snapshots
    memory, limit, used, left, swap = (
        column.astype(np.float64)
        for column in (
            sizes.memory,
            sizes.limit,
            sizes.used,
            sizes.left,
            np.maximum(snapshots.whole("swap_used"), 0),
        )
    )
    return Samples(
        placed.time, memory, limit, used, left, placed.restarted, ~np.isnan(placed.started),
        placed.load, placed.faults, swap,
    )  # fmt: skip


def _lendable(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Return the parts of a service that another may borrow: all but how long the service has been known."""
    return parts | {"normal": without_age(parts["normal"])} if "normal" in parts else parts


def _drift_apart_from_growth(methods: MethodFindings, trend: TrendFindings) -> MethodFindings:
    """Return the findings without drift where growth is suspected: the score reports that as growth."""
    drift = {name: flags & ~trend.suspected for name, flags in methods.drift.items()}
    return replace(methods, drift=drift)


def _count(trend: TrendFindings, methods: MethodFindings, applied: Applied) -> None:
    for name, refused in methods.refused.items():
        applied.count(metrics.REFUSED, name, n=refused)
    applied.count(metrics.RESTARTS, n=int(np.count_nonzero(trend.restarted)))
    for name, flags in methods.drift.items():
        applied.count(metrics.DRIFTS, name, n=int(np.count_nonzero(flags)))
