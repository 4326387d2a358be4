"""The protocols of methods, and their findings in a batch.

Methods see memory as shares of a unit, never as bytes. A point scorer has one model per service, which the
instances share, so a new instance starts warm. A follower or a detector has one model per instance, which is
new after a restart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from fleetleak.settings.tree import ProcessorSettings
from processors.columns import Flags, Floats, Rows
from processors.models.base import Model
from processors.place.table import FIRST_ROWS

AHEAD = 12
"""Number of records that a forecaster looks ahead of a growth."""
# Probability below which a method by itself calls a snapshot unusual.
_UNUSUAL = 1e-3


@dataclass(frozen=True)
class Opinion:
    """One method's opinion of a batch: raw scores and their tail probabilities, NaN while unknown."""

    raw: Floats
    p: Floats

    @property
    def detected(self) -> Flags:
        """Whether the method by itself calls a snapshot unusual."""
        with np.errstate(invalid="ignore"):
            return self.p < _UNUSUAL


@dataclass(frozen=True)
class MethodFindings:
    """The findings of all methods in a batch.

    Parameters
    ----------
    opinions, drift
        By method and by detector.
    level
        Exponentially weighted mean of memory before each record, as a share: the usual level.
    ahead
        By forecaster, the rise that it expects over the next `AHEAD` records, as a share; NaN where it was
        not asked.
    refused
        By model, the number of values that it refused.
    """

    opinions: dict[str, Opinion]
    drift: dict[str, Flags]
    level: Floats
    ahead: dict[str, Floats]
    refused: dict[str, int]


class Method(ABC):
    """One model for a whole fleet, and what its scores mean.

    Parameters
    ----------
    capacity
        Number of rows at first.
    """

    NAME: ClassVar[str]
    PART: ClassVar[str]
    """Name of the model in stored state."""
    MODEL: ClassVar[type[Model]]
    """Class of the model; the conformance suite runs over it."""
    NAMED: ClassVar[bool] = True
    """Whether the setting `processor.models` may name it."""
    ALWAYS: ClassVar[bool] = False
    """Whether it runs even where the settings do not ask for its opinion."""

    model: Model

    @abstractmethod
    def __init__(self, capacity: int) -> None: ...

    @classmethod
    def asked(cls, settings: ProcessorSettings) -> bool:
        """Return whether the settings ask for its opinion."""
        return cls.NAMED and cls.NAME in settings.models

    @classmethod
    def make(cls, settings: ProcessorSettings) -> Self | None:
        """Return a new method of `FIRST_ROWS` rows; None where the settings do not need it.

        Raises
        ------
        BadSetting
            If its own setting is wrong.
        """
        return cls(FIRST_ROWS) if cls.ALWAYS or cls.asked(settings) else None


class PointScorer(Method):
    """One model per service, on features: how odd a point is."""

    @abstractmethod
    def score(self, services: Rows, features: Floats, learn: Flags) -> Floats:
        """Return the raw score of each record, shape `(B,)`; then learn it where `learn` allows.

        Parameters
        ----------
        services
            Rows, shape `(B,)`; they may repeat.
        features
            Shape `(B, processors.methods.features.FEATURES)`.
        """


class Follower(Method):
    """One model per instance, on a single series: how far a value is from what was expected."""

    @abstractmethod
    def follow(self, rows: Rows, memory: Floats, fresh: Flags) -> Floats:
        """Return the signed distance of each record from what was expected, shape `(B,)`; then learn it.

        Parameters
        ----------
        rows
            Rows of instances, shape `(B,)`; they may repeat.
        memory
            Memory as a share of the unit of each instance.
        fresh
            Where the model of the instance is made new just before the record.
        """


class Forecaster(Follower):
    """A follower that also forecasts: its distance is the one-step error, as a share of the unit."""

    def follow(self, rows: Rows, memory: Floats, fresh: Flags) -> Floats:
        return self.follow_ahead(rows, memory, fresh, np.zeros(len(rows), np.bool_))[0]

    @abstractmethod
    def follow_ahead(self, rows: Rows, memory: Floats, fresh: Flags, asked: Flags) -> tuple[Floats, Floats]:
        """Return what `follow` returns, and the memory expected `AHEAD` records after each record.

        The second is a share, shape `(B,)`; NaN where it is not `asked`.
        """


class Detector(Method):
    """One model per instance, on a single series: whether its level has moved."""

    NAMED: ClassVar[bool] = False
    ALWAYS: ClassVar[bool] = True

    @abstractmethod
    def detect(self, rows: Rows, memory: Floats, error: Floats | None, fresh: Flags) -> Flags:
        """Return whether each record shows a change, shape `(B,)`; learn it.

        Parameters
        ----------
        rows, memory, fresh
            As for a follower.
        error
            Absolute one-step error of the forecaster, as a share; None where there is no forecaster.
        """
