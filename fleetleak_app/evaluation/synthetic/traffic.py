"""The load of a service: what its memory, CPU and page faults follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetleak_app.evaluation.cases import Floats
from fleetleak_app.evaluation.synthetic.noise import wander


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests per instance relative to their mean.

    Parameters
    ----------
    daily, weekly
        How far the peak of a day lies above its mean, and the weekend below the working days.
    humps
        Single events `(middle, length, size)`: hours since the start, hours, times the mean.
    noise
        Standard deviation of what wanders within minutes.
    autoscaled
        Replicas follow the load, so that what one instance gets saws instead of following the day.
    """

    daily: float = 0.0
    weekly: float = 0.0
    humps: tuple[tuple[float, float, float], ...] = ()
    noise: float = 0.05
    autoscaled: bool = False

    def load(self, hours: Floats, rng: np.random.Generator) -> Floats:
        """Return the load at hours since midnight of a Monday, UTC, shape `(n,)`, never negative."""
        load = 1 + self.daily * np.sin((hours - 9) * 2 * np.pi / 24)
        load *= np.where(hours % 168 >= 120, 1 - self.weekly, 1.0)
        for middle, length, size in self.humps:
            load += size * np.exp(-0.5 * ((hours - middle) / (length / 4)) ** 2)
        load = np.maximum(load + wander(len(hours), self.noise, 0.1, hours, rng), 0.02)
        return _shared(load, hours) if self.autoscaled else load


def _shared(load: Floats, hours: Floats) -> Floats:
    """Return the load of one replica; there is one for each half of the mean load, 15 min late."""
    late = np.searchsorted(hours, hours - 0.25)
    replicas = np.maximum(np.ceil(load[late] * 2), 1)
    return 2 * load / replicas
