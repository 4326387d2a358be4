"""The five shapes of leak, each from a process that makes it.

A leak begins at hour `after` of the scenario (a flag is turned on, a peer goes away) or with the run,
whichever is later, and would take `limit_share` of the limit in `life` hours. It comes back after a kill
until it has killed `kills` times, which is when somebody repairs it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fleetleak_app.evaluation.cases import Floats
from fleetleak_app.evaluation.synthetic.parts import Run


@dataclass(frozen=True, slots=True)
class Leak(ABC):
    """The base of all leaks; `memory` of a subclass is 0 until the leak begins."""

    life: float
    after: float = 0.0
    limit_share: float = 0.62
    kills: int = 1

    KIND: ClassVar[str] = ""

    def begun(self, run: Run) -> Floats:
        """Return the hours since the leak began; 0 before."""
        return np.maximum(np.minimum(run.age, run.hours - self.after), 0.0)

    @abstractmethod
    def memory(self, run: Run) -> Floats:
        """Return what has leaked at every sample of a run, as a fraction of the limit."""


@dataclass(frozen=True, slots=True)
class Linear(Leak):
    """Objects of one size that are never freed; one in so many requests, or by a timer."""

    per_request: bool = False
    objects: int = 2000

    KIND: ClassVar[str] = "linear"

    def memory(self, run: Run) -> Floats:
        rate = self.objects / self.life * (run.load if self.per_request else 1.0)
        lost = run.rng.poisson(rate * run.step * (self.begun(run) > 0))
        return np.asarray(self.limit_share / self.objects * np.cumsum(lost), dtype=float)


@dataclass(frozen=True, slots=True)
class Exponential(Leak):
    """Lost memory causes more to be lost: a queue that retries, listeners that register listeners."""

    growth: float = 4.0

    KIND: ClassVar[str] = "exponential"

    def memory(self, run: Run) -> Floats:
        pace = np.maximum(run.rng.normal(1.0, 0.3, len(run.age)), 0.0) * (self.begun(run) > 0)
        progress = np.cumsum(pace) * run.step / self.life
        return self.limit_share / math.expm1(self.growth) * np.expm1(self.growth * progress)


@dataclass(frozen=True, slots=True)
class Staircase(Leak):
    """A rare event (a report, a reload, a reconnect) that loses one big block each time."""

    blocks: int = 10

    KIND: ClassVar[str] = "staircase"

    def memory(self, run: Run) -> Floats:
        count = 3 * self.blocks
        events = np.cumsum(run.rng.gamma(9.0, self.life / self.blocks / 9.0, count))
        sizes = self.limit_share / self.blocks * run.rng.lognormal(-0.03, 0.25, count)
        return np.append(0.0, np.cumsum(sizes))[np.searchsorted(events, self.begun(run), side="right")]


@dataclass(frozen=True, slots=True)
class Periodic(Leak):
    """A job in cycles that gives back only a part of what it took: up, half down, up again."""

    cycles: int = 10
    given_back: float = 0.5

    KIND: ClassVar[str] = "periodic"

    def memory(self, run: Run) -> Floats:
        cycle = self.begun(run) * self.cycles / self.life
        number = cycle.astype(int)
        kept = self.limit_share / self.cycles * run.rng.lognormal(-0.01, 0.15, int(number.max()) + 1)
        taken = kept / (1 - self.given_back)
        phase = cycle - number
        swing = np.where(phase < 0.5, 2 * phase * taken[number], taken[number])
        returned = np.clip(2 * phase - 1, 0, 1) * (taken - kept)[number]
        base = np.append(0.0, np.cumsum(kept))[number]
        return np.asarray(base + swing - returned, dtype=float)


@dataclass(frozen=True, slots=True)
class Fragmentation(Leak):
    """Live data stays, but each peak finds the holes too small and asks for more, a part of which is trimmed.

    Old holes serve small wishes, so the growth slows down like a square root.
    """

    peaks: int = 40
    trimmed: float = 0.4

    KIND: ClassVar[str] = "fragmentation"

    def memory(self, run: Run) -> Floats:
        begun = self.begun(run)
        between = self.life / self.peaks
        events = np.cumsum(run.rng.exponential(between, 4 * self.peaks))
        scale = 0.5 * self.limit_share / self.peaks / np.sqrt((np.arange(len(events)) + 0.5) / self.peaks)
        kept = scale * run.rng.lognormal(-0.18, 0.6, len(events))
        before = np.searchsorted(events, begun, side="right")
        newest = np.maximum(before - 1, 0)
        since = np.maximum(begun - events[newest], 0.0)
        surplus = kept[newest] * self.trimmed / (1 - self.trimmed) * np.exp(-since / (0.5 * between))
        base: Floats = np.append(0.0, np.cumsum(kept))[before]
        return base + np.where(before > 0, surplus, 0.0)
