"""Scoring with the models alone: decode, feature, both models, drift, one Score; no trend, no calibration.

This is what a naive loop over River's objects does, and no more: the product does more per record.
"""

from __future__ import annotations

import numpy as np
import orjson

from benchmarks.common import seconds
from fleetleak.records import Decoder, Snapshot
from fleetleak.stream import Record
from processors.models import ADWIN, SNARIMAX, HalfSpaceTrees


class ModelsAlone:
    """One row per service in each model."""

    def __init__(self, services: int) -> None:
        self._rows = {f"service-{i}": i for i in range(services)}
        self._decode = Decoder(Snapshot).decode
        self._trees = HalfSpaceTrees(services, seed=1)
        self._forecaster = SNARIMAX(services, p=3, d=1, q=2)
        self._adwin = ADWIN(services)

    def warm(self, rng: np.random.Generator, services: int, records: int) -> None:
        """Learn this many records of every service, so that the first window is full."""
        for _ in range(records):
            x = rng.normal(0.5, 0.05, (services, 1))
            for begin in range(0, services, 5_000):
                rows = np.arange(begin, min(begin + 5_000, services))
                for model in (self._trees, self._forecaster, self._adwin):
                    model.score_learn(rows, x[rows])

    def score(self, batch: list[Record]) -> list[bytes]:
        """Return one encoded Score per record."""
        snapshots = [self._decode(record.value) for record in batch]
        rows = np.array([self._rows[s.service] for s in snapshots])
        anon = np.array([s.anon for s in snapshots], dtype=np.float64)
        x = (anon / np.array([s.limit for s in snapshots], dtype=np.float64))[:, None]
        odd = self._trees.score_learn(rows, x)
        surprise = np.abs(self._forecaster.score_learn(rows, x) - x[:, 0])
        flags = self._adwin.score_learn(rows, x)
        columns = zip(batch, snapshots, odd.tolist(), surprise.tolist(), flags.tolist(), strict=True)
        # Written as plain values, as in processors/write/scores.py.
        return [
            orjson.dumps(
                {
                    "schema": "score/1",
                    "service": s.service,
                    "instance": s.instance,
                    "time": s.timestamp,
                    "input_partition": record.partition,
                    "input_offset": record.offset,
                    "methods": {"half_space_trees": {"raw": a}, "snarimax": {"raw": b}},
                    "drift": ["adwin"] if flag else [],
                }
            )
            for record, s, a, b, flag in columns
        ]

    def seconds(self, batches: list[list[Record]]) -> float:
        """Return the time per record, in seconds."""
        return seconds(lambda: [self.score(batch) for batch in batches]) / sum(map(len, batches))
