"""The methods that the settings ask for, together: features, and calibrated opinions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import ProcessorSettings
from processors.calibration import Calibrations
from processors.columns import Flags, Floats, Rows
from processors.methods import METHODS
from processors.methods.base import (
    Detector,
    Follower,
    Forecaster,
    Method,
    MethodFindings,
    Opinion,
    PointScorer,
)
from processors.methods.deviation import Deviation
from processors.methods.features import features
from processors.place.table import FIRST_ROWS, Part


@dataclass(frozen=True)
class _Followed:
    """The results of followers and detectors in a batch."""

    level: Floats
    surprise: dict[str, Floats]
    drift: dict[str, Flags]
    ahead: dict[str, Floats]


class Methods:
    """The methods of a processor. They see memory as shares of a unit, never as bytes.

    Raises
    ------
    BadSetting
        If the settings name a method or a River model that does not exist.
    """

    def __init__(self, settings: ProcessorSettings) -> None:
        _check_names(settings.models)
        made = {name: made for name, kind in METHODS.items() if (made := kind.make(settings)) is not None}
        self._methods = made
        self._points = {name: one for name, one in made.items() if isinstance(one, PointScorer)}
        self._followers = {name: one for name, one in made.items() if isinstance(one, Follower)}
        self._forecasters = {name: one for name, one in made.items() if isinstance(one, Forecaster)}
        self._detectors = {name: one for name, one in made.items() if isinstance(one, Detector)}
        self._deviation = next(one for one in made.values() if isinstance(one, Deviation))
        # Features and detectors take the errors of the first forecaster, if there are several.
        self._first_forecaster = next(iter(self._forecasters), None)
        asked = [name for name, method in made.items() if method.asked(settings)]
        self._calibrations = Calibrations(FIRST_ROWS, asked)

    def service_parts(self) -> dict[str, Part]:
        """Return the parts with a row per service, by name in stored state."""
        return {**_parts(self._points.values()), "calibrations": self._calibrations}

    def instance_parts(self) -> dict[str, Part]:
        """Return the parts with a row per instance, by name in stored state."""
        return _parts([*self._followers.values(), *self._detectors.values()])

    def observe(
        self,
        services: Rows,
        instances: Rows,
        memory: Floats,
        limit_used: Floats,
        *,
        restarted: Flags,
        learn: Flags,
        suspected: Flags,
    ) -> MethodFindings:
        """Return the findings in a batch by the state before each record; then learn where `learn` allows.

        Parameters
        ----------
        services, instances
            Rows, shape `(B,)`; they may repeat.
        memory
            Memory as a share of the unit of its instance, shape `(B,)`: the limit at the start of its run.
        limit_used
            The share used / limit, shape `(B,)`.
        restarted
            Where the models of the instance are made new just before the record.
        learn
            Where the models of services may learn.
        suspected
            Where forecasters look ahead, because one-step errors do not show a steady leak.
        """
        followed = self._follow(instances, memory, restarted, suspected)
        if self._first_forecaster is None:
            error = np.zeros(len(memory))
        else:
            error = followed.surprise[self._first_forecaster]
        x = features(limit_used, error, memory - followed.level)
        raw = {name: scorer.score(services, x, learn) for name, scorer in self._points.items()}
        raw |= {name: np.abs(surprise) for name, surprise in followed.surprise.items()}
        opinions = self._opinions(services, raw, learn)
        return MethodFindings(opinions, followed.drift, followed.level, followed.ahead, self._refused())

    def _opinions(self, services: Rows, raw: Mapping[str, Floats], learn: Flags) -> dict[str, Opinion]:
        names = self._calibrations.names
        scores = np.column_stack([raw[name] for name in names] or [np.empty((len(services), 0))])
        p = self._calibrations.score_learn(services, scores, learn)
        return {name: Opinion(raw[name], p[:, at]) for at, name in enumerate(names)}

    def _follow(self, rows: Rows, memory: Floats, fresh: Flags, asked: Flags) -> _Followed:
        distance, level = self._deviation.follow_level(rows, memory, fresh)
        surprise, ahead = {self._deviation.NAME: distance}, {}
        for name, forecaster in self._forecasters.items():
            surprise[name], expected = forecaster.follow_ahead(rows, memory, fresh, asked)
            ahead[name] = expected - memory
        for name, follower in self._followers.items():
            if name not in surprise:
                surprise[name] = follower.follow(rows, memory, fresh)
        error = None if self._first_forecaster is None else np.abs(surprise[self._first_forecaster])
        detectors = self._detectors.items()
        drift = {name: detector.detect(rows, memory, error, fresh) for name, detector in detectors}
        return _Followed(level, surprise, drift, ahead)

    def _refused(self) -> dict[str, int]:
        """Return the number of values refused since the last call, by model."""
        refused: dict[str, int] = {}
        for method in self._methods.values():
            model = method.model
            refused[model.NAME] = refused.get(model.NAME, 0) + model.refused
            model.refused = 0
        return refused


def _check_names(names: Iterable[str]) -> None:
    known = [name for name, method in METHODS.items() if method.NAMED]
    if unknown := set(names) - set(known):
        raise BadSetting(
            f"setting processor.models names {', '.join(sorted(unknown))}: give {', '.join(known)}, or none"
        )


def _parts(methods: Iterable[Method]) -> dict[str, Part]:
    return {method.PART: method.model for method in methods}
