"""What a method is, and what methods say of a batch.

Memory goes in as shares of a unit, never as bytes. What tells odd points apart is per service and shared by
its instances, so that a new instance starts warm; what follows one series is per instance, and new after a
restart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from fleetleak.settings.tree import Processor
from processors.columns import Flags, Floats, Rows
from processors.models.base import Model
from processors.table import FIRST_ROWS

AHEAD = 12
"""Records that a forecaster looks ahead of a growth."""
# Odds from which a method by itself calls a snapshot unusual.
_UNUSUAL = 1e-3


@dataclass(frozen=True)
class Opinion:
    """What one method says of a batch: raw scores and their tail probabilities, NaN while not known."""

    raw: Floats
    p: Floats

    @property
    def detected(self) -> Flags:
        """Whether the method by itself calls a snapshot unusual."""
        with np.errstate(invalid="ignore"):
            return self.p < _UNUSUAL


@dataclass(frozen=True)
class MethodFindings:
    """What the methods find in a batch.

    Parameters
    ----------
    opinions, drift
        By method and by detector.
    level
        Exponentially weighted mean share of memory before each record: what was usual.
    ahead
        By forecaster, how much it expects memory to rise over the next `AHEAD` records, as a share; NaN
        where it was not asked.
    refused
        By model, how many values it refused.
    """

    opinions: dict[str, Opinion]
    drift: dict[str, Flags]
    level: Floats
    ahead: dict[str, Floats]
    refused: dict[str, int]


class Method(ABC):
    """One model for a whole fleet, and what is made of its scores.

    Parameters
    ----------
    capacity
        Number of rows at first.
    """

    NAME: ClassVar[str]
    PART: ClassVar[str]
    """Name of the model in stored state."""
    MODEL: ClassVar[type[Model]]
    """What the conformance suite runs over."""
    NAMED: ClassVar[bool] = True
    """Whether `processor.models` may name it."""
    ALWAYS: ClassVar[bool] = False
    """Whether it runs even where nobody asks for its opinion."""

    model: Model

    @abstractmethod
    def __init__(self, capacity: int) -> None: ...

    @classmethod
    def asked(cls, settings: Processor) -> bool:
        """Return whether the settings ask for its opinion."""
        return cls.NAMED and cls.NAME in settings.models

    @classmethod
    def make(cls, settings: Processor) -> Self | None:
        """Return a new method of `FIRST_ROWS` rows; None where the settings do without it.

        Raises
        ------
        BadSetting
            If its settings cannot be understood.
        """
        return cls(FIRST_ROWS) if cls.ALWAYS or cls.asked(settings) else None


class PointScorer(Method):
    """One model per service on features: is this point odd?"""

    @abstractmethod
    def score(self, services: Rows, features: Floats, learn: Flags) -> Floats:
        """Return the raw score of each record, `(B,)`, then learn it where `learn` allows.

        Parameters
        ----------
        services
            Rows, `(B,)`; they may repeat.
        features
            Shape `(B, processors.methods.features.FEATURES)`.
        """


class Follower(Method):
    """One model per instance on a single series: is this value a surprise?"""

    @abstractmethod
    def follow(self, rows: Rows, memory: Floats) -> Floats:
        """Return how far each record lies from what was expected, signed, `(B,)`; then learn it.

        Parameters
        ----------
        rows
            Of instances, none twice.
        memory
            Shares of the unit of each instance.
        """


class Forecaster(Follower):
    """A follower that also forecasts; what it follows is its one-step error, a share."""

    @abstractmethod
    def ahead(self, rows: Rows) -> Floats:
        """Return the share of memory that is expected `AHEAD` records ahead."""


class Detector(Method):
    """One model per instance on a single series: did its level move?"""

    NAMED: ClassVar[bool] = False
    ALWAYS: ClassVar[bool] = True

    @abstractmethod
    def detect(self, rows: Rows, memory: Floats, error: Floats | None) -> Flags:
        """Return whether each record shows a change, `(B,)`; learn it.

        Parameters
        ----------
        rows, memory
            As of a follower.
        error
            Size of the one-step error of the forecaster; None without one.
        """
