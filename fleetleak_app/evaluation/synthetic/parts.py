"""What a process uses memory for: parts that add up, in fractions of the limit.

None of these is a leak, though several look like one for hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fleetleak_app.evaluation.cases import Floats
from fleetleak_app.evaluation.synthetic.noise import wander


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a process, from start to restart: sample by sample, arrays of shape `(n,)`.

    `age` is hours since this start, `hours` since the scenario's, `load` the requests relative to their
    mean, `step` the hours between samples.
    """

    age: Floats
    hours: Floats
    load: Floats
    step: float
    rng: np.random.Generator


class Part(Protocol):
    """A share of the memory of a process."""

    def memory(self, run: Run) -> Floats:
        """Return the memory at every sample of a run, shape `(n,)`."""
        ...


@dataclass(frozen=True, slots=True)
class Steady:
    """Code, static data and what is loaded at start."""

    share: float

    def memory(self, run: Run) -> Floats:
        return np.full(len(run.age), self.share)


@dataclass(frozen=True, slots=True)
class Wander:
    """Many small things that come and go: autocorrelated noise around 0."""

    sigma: float
    memory_hours: float

    def memory(self, run: Run) -> Floats:
        return wander(len(run.age), self.sigma, self.memory_hours, run.age, run.rng)


@dataclass(frozen=True, slots=True)
class Shifts:
    """Sessions or tenants that stay for hours: the level jumps and jumps back, but never adds up."""

    size: float
    per_day: float

    def memory(self, run: Run) -> Floats:
        jumps = run.rng.random(len(run.age)) < self.per_day * run.step / 24
        levels = self.size * run.rng.random(int(jumps.sum()) + 1)
        return levels[np.cumsum(jumps)]


@dataclass(frozen=True, slots=True)
class PerRequest:
    """Buffers of requests in flight: `share` at mean load."""

    share: float

    def memory(self, run: Run) -> Floats:
        return self.share * run.load


@dataclass(frozen=True, slots=True)
class Garbage:
    """A collected heap: requests leave garbage until `share` is full, every `hours` at mean load."""

    share: float
    hours: float

    def memory(self, run: Run) -> Floats:
        made = self.share * run.step / self.hours * run.load
        start = self.share * run.rng.random()
        return (start + np.cumsum(made)) % self.share


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Pools, just-in-time code and connections after a start: towards `share`, 63 % of it in `hours`."""

    share: float
    hours: float

    def memory(self, run: Run) -> Floats:
        return self.share * -np.expm1(-run.age / self.hours)


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache that every request fills with something new, up to its bound `share`, in about `hours`."""

    share: float
    hours: float

    def memory(self, run: Run) -> Floats:
        return np.minimum(self.share, self.share * np.cumsum(run.load) * run.step / self.hours)


@dataclass(frozen=True, slots=True)
class BulkLoad:
    """An import that fills a table once, from hour `at` on, over `hours`, and stays."""

    share: float
    at: float
    hours: float

    def memory(self, run: Run) -> Floats:
        return self.share * np.clip((run.hours - self.at) / self.hours, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """A job every `every` hours that takes up to `share` over `hours`, then frees it."""

    share: float
    every: float
    hours: float

    def memory(self, run: Run) -> Floats:
        starts = np.arange(0.5 * self.every, run.hours[-1] + self.every, self.every)
        starts += 0.05 * self.every * run.rng.standard_normal(len(starts))
        sizes = self.share * (0.8 + 0.4 * run.rng.random(len(starts)))
        job = np.maximum(np.searchsorted(starts, run.hours) - 1, 0)
        into = (run.hours - starts[job]) / self.hours
        return np.where((into >= 0) & (into < 1), sizes[job] * into, 0.0)
