"""The evidence engine: runs the parts of the trend over a batch, and keeps their state in columns."""

from __future__ import annotations

import numpy as np

from processors.columns import Flags, JoinedColumns, Rows
from processors.evidence.compiled_walk import compiled_walk
from processors.evidence.findings import TrendFindings, findings, put_growths, quiet
from processors.evidence.judge import Case, may_grow
from processors.evidence.latest import Latest
from processors.evidence.learning_pause import LearningPause
from processors.evidence.normal_rise import NormalRise
from processors.evidence.rings import Rings, fitted
from processors.evidence.samples import Moment, Samples, Steps
from processors.evidence.sensitivity import Slowest, slowest
from processors.evidence.walk import Walked, walk
from processors.kernels import compiled
from processors.order import order


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
        by_row, moment = order(rows), Moment.of(len(rows))
        fits = fitted(self._walk(Steps.of(rows, by_row.before(), samples), moment))
        history = self.services.meet(service_rows, samples.time, moment.taken)
        normal = self.services.learn(service_rows, samples.time, moment.scale, moment.height)
        fields = quiet(normal[:, 0])
        at = may_grow(self._latest.r2(rows, moment.ring, fits))
        if len(at):
            now = moment.only(at)
            levels = self._latest.at(rows.take(at), now.ring, fits)
            case = Case(at, samples.only(at), now, *levels, normal.take(at, axis=0), history.take(at))
            put_growths(case, fields)
        ends = by_row.places[by_row.ends]
        self._latest.keep(rows.take(ends), moment.ring.take(ends, axis=0), fits)
        return findings(moment, history, fields, self._learns(rows, samples, moment, fields["significant"]))

    def _walk(self, steps: Steps, moment: Moment) -> Rings:
        state, kernel = self._walked, compiled()
        return compiled_walk(kernel, state, steps, moment) if kernel else walk(state, steps, moment)

    def _learns(self, rows: Rows, samples: Samples, moment: Moment, significant: Flags) -> Flags:
        """Return where models may learn."""
        learns = np.ones(len(rows), np.bool_)
        at = np.flatnonzero(moment.taken)
        learns[at] = self._pause.learns(rows.take(at), samples.time.take(at), significant.take(at))
        return learns

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
