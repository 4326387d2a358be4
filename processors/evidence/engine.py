"""The evidence engine: runs the parts of the trend over a batch, and keeps their state in columns."""

from __future__ import annotations

import numpy as np

from processors.columns import JoinedColumns, Rows
from processors.evidence.compiled_walk import compiled_walk
from processors.evidence.findings import TrendFindings, findings, growths
from processors.evidence.judge import Case
from processors.evidence.latest import Latest
from processors.evidence.learning_pause import LearningPause
from processors.evidence.normal_rise import NormalRise
from processors.evidence.rings import fitted
from processors.evidence.samples import Moment, Samples, Steps
from processors.evidence.sensitivity import Slowest, slowest
from processors.evidence.walk import Walked, walk
from processors.kernels import compiled


class Evidence:
    """Evidence of trends for a fleet, with one row per instance and one per service.

    Parameters
    ----------
    capacity_instances, capacity_services
        Number of rows at first.

    Attributes
    ----------
    instances, services
        The state per instance and per service; each is a `processors.place.table.Part`.

    Notes
    -----
    Memory and time per sample are constant. Results do not depend on how the input is cut into batches.
    A sample changes nothing if it is not newer than the newest of its instance, or if a value is not finite.
    Its findings are then those from before.
    """

    def __init__(self, capacity_instances: int, capacity_services: int) -> None:
        self._walked = walked = Walked.of(capacity_instances)
        self._latest = Latest(capacity_instances)
        self._pause = LearningPause(capacity_instances)
        self.instances = JoinedColumns(
            walked.envelope, walked.excursions, walked.restarts, self._latest, walked.season, walked.flows,
            walked.baselines, self._pause, walked.limits,
        )  # fmt: skip
        self.services = NormalRise(capacity_services)

    def observe(self, rows: Rows, service_rows: Rows, samples: Samples) -> TrendFindings:
        """Learn a batch and return its findings. Rows may repeat; their samples are taken in order."""
        moment = Moment.of(len(rows))
        steps, state, kernel = Steps.of(rows, samples), self._walked, compiled()
        rings = compiled_walk(kernel, state, steps, moment) if kernel else walk(state, steps, moment)
        fits, shapes = self._latest.learn(rows, moment.ring, fitted(rings))
        history = self.services.meet(service_rows, samples.time, moment.taken)
        normal = self.services.learn(service_rows, samples.time, moment.scale, moment.height)
        case = Case(samples, moment, fits, shapes, normal, history)
        growing = growths(case)
        learns = np.ones(len(rows), np.bool_)
        taken = np.flatnonzero(moment.taken)
        significant = growing["significant"].take(taken)
        learns[taken] = self._pause.learns(rows.take(taken), samples.time.take(taken), significant)
        return findings(case, growing, learns)

    def slowest_visible(self, row: int, service_row: int, time: float, limit: float) -> Slowest:
        """Return the slowest leak that could be seen in an instance.

        Parameters
        ----------
        time
            Unix seconds.
        limit
            Limit of the instance, in bytes.
        """
        scale = int(self._walked.envelope.scale[row])
        return slowest(self.services.key[service_row], scale, time, limit)
