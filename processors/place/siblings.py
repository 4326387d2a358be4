"""What the instances of a service show together: suspected ones per version, and memory against age."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from fleetleak.liveness import alive
from fleetleak.records.types import UnixSeconds

VIEW_SECONDS = 300.0
"""Greatest age of a view, in event time. A view at every record would cost the square of the number of
instances."""
_HALF_LIFE_SECONDS = 7 * 86400.0
_MOST_VERSIONS = 8
_TINY = 1e-9


class Sibling(NamedTuple):
    """One instance, as of its newest scored record."""

    seen: float
    gap: float
    began: float
    memory: float
    suspected: bool
    version: str | None


class Count(msgspec.Struct, array_like=True):
    """Number of live instances of one version, and how many of them are suspected."""

    version: str | None = None
    instances: int = 0
    suspected: int = 0


class Ages(msgspec.Struct, array_like=True):
    """Memory against age since start: fading sums for the fit of a line over all siblings and restarts."""

    weight: float = 0.0
    age: float = 0.0
    memory: float = 0.0
    age_age: float = 0.0
    age_memory: float = 0.0
    memory_memory: float = 0.0

    def fade(self, kept: float) -> None:
        """Reduce the weight of everything so far to this share."""
        self.weight *= kept
        self.age *= kept
        self.memory *= kept
        self.age_age *= kept
        self.age_memory *= kept
        self.memory_memory *= kept

    def add(self, age: float, memory: float) -> None:
        """Add one instance at one moment; seconds and bytes."""
        self.weight += 1.0
        self.age += age
        self.memory += memory
        self.age_age += age * age
        self.age_memory += age * memory
        self.memory_memory += memory * memory

    def line(self) -> tuple[float, float]:
        """Return the slope, in bytes per second, and the share of the variance that the line explains."""
        n = self.weight
        if n < 2.0:
            return 0.0, 0.0
        ages = self.age_age - self.age * self.age / n
        memories = self.memory_memory - self.memory * self.memory / n
        both = self.age_memory - self.age * self.memory / n
        if ages <= _TINY * self.age_age or memories <= _TINY * self.memory_memory:
            return 0.0, 0.0
        return both / ages, min(1.0, both * both / (ages * memories))


class SiblingView(msgspec.Struct, array_like=True):
    """The view of the instances of one service.

    `versions` are in the order in which they were first seen; an old version keeps its last counts. `runs`
    counts restarts and new instances. A line through a single run adds nothing to the trend.
    """

    viewed: UnixSeconds = 0.0
    runs: int = 0
    versions: list[Count] = []
    ages: Ages = msgspec.field(default_factory=Ages)

    def look(self, time: float, instances: Iterable[Sibling]) -> None:
        """Renew the view from the instances that are alive."""
        self._begin(time)
        counts: dict[str | None, Count] = {}
        for one in instances:
            if not alive(one.seen, one.gap, time):
                continue
            count = counts.setdefault(one.version, Count(one.version))
            count.instances += 1
            count.suspected += one.suspected
            if one.began == one.began:  # NaN where unknown
                self.ages.add(one.seen - one.began, one.memory)
        known = [counts.pop(old.version, old) for old in self.versions]
        self.versions = [*known, *counts.values()][-_MOST_VERSIONS:]

    def look_at(self, only: Sibling) -> None:
        """Renew the view at a record of the only instance; the same as `look`, in less time."""
        if not self.versions or self.versions[-1].version != only.version:
            self.look(only.seen, [only])
            return
        self._begin(only.seen)
        count = self.versions[-1]
        count.instances, count.suspected = 1, int(only.suspected)
        if only.began == only.began:
            self.ages.add(only.seen - only.began, only.memory)

    def _begin(self, time: float) -> None:
        passed = min(time - self.viewed, 10 * _HALF_LIFE_SECONDS)
        self.ages.fade(2.0 ** (-passed / _HALF_LIFE_SECONDS))
        self.viewed = time

    def copy(self) -> SiblingView:
        """Return an independent copy."""
        versions = [Count(count.version, count.instances, count.suspected) for count in self.versions]
        return SiblingView(self.viewed, self.runs, versions, msgspec.structs.replace(self.ages))

    def of(self, version: str | None) -> tuple[Count, Count | None]:
        """Return the counts of a version, and of the version before it; None if there is none before."""
        before = None
        for count in self.versions:
            if count.version == version:
                return count, before
            before = count
        return Count(version), before
