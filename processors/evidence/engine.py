"""The evidence engine: runs the parts of the trend over a batch, and keeps their state in columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.columns import Columns, Flags, Floats, Floats32, JoinedColumns, Rows
from processors.evidence import season, signature, trend
from processors.evidence.baseline import Baselines
from processors.evidence.confidence import LEAST_RISE
from processors.evidence.envelope import LEVELS, Envelope
from processors.evidence.features import Flows
from processors.evidence.findings import TrendFindings, findings
from processors.evidence.judge import judge
from processors.evidence.learning_pause import LearningPause
from processors.evidence.limits import Limits
from processors.evidence.normal_rise import Excursions, NormalRise
from processors.evidence.restarts import Restarts
from processors.evidence.samples import Moment, Samples
from processors.evidence.sensitivity import Slowest, slowest
from processors.evidence.trend import FIT
from processors.rounds import rounds

_UNUSUAL = 1.5  # times what the instance itself gives back; the verdict needs more (confidence.py)
_SHAPE_RISE = 0.02  # of the limit; only a growth that can be suspected has its shape read
_SHAPE_R2 = 0.4
_LARGEST = 1e30


class _Latest(Columns):
    """Per instance, the last fit and shape of each level."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.fits: NDArray[Any] = self.column("fits", (LEVELS,), FIT, 0)
        self.shapes: NDArray[Any] = self.column("shapes", (LEVELS,), signature.SHAPE, 0)


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
        self._envelope = Envelope(capacity_instances)
        self._excursions = Excursions(capacity_instances)
        self._restarts = Restarts(capacity_instances)
        self._latest = _Latest(capacity_instances)
        self._season = season.Season(capacity_instances)
        self._flows = Flows(capacity_instances)
        self._baselines = Baselines(capacity_instances)
        self._pause = LearningPause(capacity_instances)
        self._limits = Limits(capacity_instances)
        self.instances = JoinedColumns(
            self._envelope, self._excursions, self._restarts, self._latest, self._season, self._flows,
            self._baselines, self._pause, self._limits,
        )  # fmt: skip
        self.services = NormalRise(capacity_services)

    def observe(self, rows: Rows, service_rows: Rows, samples: Samples) -> TrendFindings:
        """Learn a batch and return its findings. Rows may repeat; their samples are taken in order."""
        moment = Moment(len(rows))
        usable = np.isfinite(samples.time + samples.memory + samples.used + samples.limit + samples.left)
        parts = list(rounds(rows))
        for part in parts:
            self._take(part, rows, samples, usable, moment)
        normal = self.services.learn(service_rows, samples.time, moment.scale, moment.height, moment.taken)
        history = self.services.known_for(service_rows, samples.time)
        verdict = judge(samples, moment, normal, history)
        learns = np.ones(len(rows), np.bool_)
        for part in parts:
            taken = part[moment.taken[part]]
            time, significant = samples.time[taken], verdict.significant[taken]
            learns[taken] = self._pause.learns(rows[taken], time, significant)
        return findings(samples, moment, verdict, learns)

    def slowest_visible(self, row: int, service_row: int, time: float, limit: float) -> Slowest:
        """Return the slowest leak that could be seen in an instance.

        Parameters
        ----------
        time
            Unix seconds.
        limit
            Limit of the instance, in bytes.
        """
        return slowest(self.services.key[service_row], int(self._envelope.scale[row]), time, limit)

    def _take(self, part: Rows, rows: Rows, samples: Samples, usable: Flags, moment: Moment) -> None:
        time = samples.time[part]
        newer = ~(time <= self._envelope.last[rows[part]])
        part_ok = part[usable[part] & newer]
        row, time, value = rows[part_ok], samples.time[part_ok], samples.memory[part_ok]
        limit = samples.limit[part_ok]
        moment.taken[part_ok] = True
        moment.restarted[part_ok] = restarted = self._restarts.add(
            row, samples.restarted[part_ok], samples.timed[part_ok], value, limit
        )
        self._restart(row[restarted], time[restarted])
        moment.hold(part_ok, self._limits.add(row, time, limit))
        moment.before[part_ok] = self._season.before(row, time)
        self._season.add(row, time, value)
        since = time - self._envelope.last[row]
        closed = self._envelope.add(row, time, value, _known(samples.load, part_ok))
        self._describe(part_ok, row, since, samples, moment)
        which, level = np.nonzero(closed)
        self._refit(part_ok[which], row[which], level, limit[which], moment)
        moment.fits[part] = self._latest.fits[rows[part]]
        moment.shapes[part] = self._latest.shapes[rows[part]]
        moment.quality[part] = self._envelope.quality(rows[part])
        moment.uneven[part] = self._envelope.uneven[rows[part]]
        moment.gap[part] = self._envelope.gap[rows[part]]
        moment.lost[part] = self._envelope.lost(rows[part])
        moment.scale[part] = self._envelope.scale[rows[part]]
        moment.anchor[part] = self._envelope.anchor[rows[part]]

    def _restart(self, rows: Rows, time: Floats) -> None:
        self._envelope.clear(rows, time)
        self._excursions.clear(rows)
        for part in (self._latest, self._flows, self._baselines, self._limits):
            part.reset(rows)

    def _describe(self, at: Rows, row: Rows, since: Floats, samples: Samples, moment: Moment) -> None:
        value = samples.memory[at]
        faults = np.full(len(at), np.nan) if samples.faults is None else samples.faults[at]
        swap = _known(samples.swap, at)
        moment.flows[at] = self._flows.add(row, since, value, faults, swap, samples.limit[at])
        gap = self._envelope.gap[row]
        moment.baseline[at] = self._baselines.add(row, samples.time[at], since, gap, value)

    def _refit(self, position: Rows, row: Rows, level: Rows, limit: Floats, moment: Moment) -> None:
        low, size = self._envelope.low[row, level], self._envelope.size[row, level]
        moment.height[position, level] = self._excursions.add(row, level, low[:, 0])
        self._latest.fits[row, level] = 0
        self._latest.shapes[row, level] = 0
        most = trend.most(low, size)
        usual = np.maximum(_UNUSUAL * self._excursions.usual[row, level], LEAST_RISE * limit)
        worth = np.flatnonzero(most > usual)
        if len(worth):
            self._fit(row[worth], level[worth], low[worth], size[worth], limit[worth])

    def _fit(self, row: Rows, level: Rows, low: Floats32, size: NDArray[np.int16], limit: Floats) -> None:
        at = self._envelope.at[row, level]
        sums = trend.suffixes(low, at, size)
        self._latest.fits[row, level] = fits = trend.fit(sums, low, at, self._envelope.busy[row, level])
        usual = _UNUSUAL * self._excursions.usual[row, level]
        rise = fits["rise"] * fits["r2"]
        clear = np.flatnonzero((rise > np.maximum(usual, _SHAPE_RISE * limit)) & (fits["r2"] > _SHAPE_R2))
        if len(clear):
            self._latest.shapes[row[clear], level[clear]] = signature.shape(sums.take(clear))


def _known(values: Floats | None, part: Rows) -> Floats:
    if values is None:
        return np.zeros(len(part))
    known = np.nan_to_num(values[part], posinf=0.0, neginf=0.0)
    return np.clip(known, -_LARGEST, _LARGEST)  # some columns are float32
