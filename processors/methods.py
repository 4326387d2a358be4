"""The learned methods beside the trend: odd points, surprising steps, changed levels; all calibrated."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from river import anomaly, base

from fleetleak.observe import metrics
from fleetleak.settings import BadSetting
from fleetleak.settings.tree import Processor
from processors.calibration import Calibrations
from processors.columns import Flags, Floats, Rows
from processors.models.adwin import ADWIN
from processors.models.base import Model
from processors.models.ew_stats import EWStats
from processors.models.half_space_trees import HalfSpaceTrees
from processors.models.page_hinkley import PageHinkley
from processors.models.river import RiverModel
from processors.models.snarimax import SNARIMAX
from processors.rounds import rounds
from processors.services import FIRST_ROWS, Part

RESIDUALS = "page_hinkley_residual"
_FEATURES = 3
# Shares of the room at which a feature is half way from its middle to its end.
_STEP_SCALE = 0.02
_DEVIATION_SCALE = 0.05
_FADING = 0.05
# A level must move by about a tenth of the room for a while; River's defaults never fire on shares.
_PAGE_HINKLEY_THRESHOLD = 0.5
# Forecasts must be worse by a hundredth of the room for twenty records.
_RESIDUAL_THRESHOLD = 0.2
_ADWIN_DELTA = 0.0005
AHEAD = 12  # records that SNARIMAX looks ahead of a growth
# Odds from which a method by itself calls a snapshot unusual.
_UNUSUAL = 1e-3


@dataclass
class Opinion:
    """What one method says of a batch: raw scores and their tail probabilities, NaN while not known."""

    raw: Floats
    p: Floats

    @property
    def detected(self) -> Flags:
        """Whether it calls a snapshot unusual."""
        with np.errstate(invalid="ignore"):
            return self.p < _UNUSUAL


@dataclass
class Findings:
    """What the methods found in a batch.

    Parameters
    ----------
    opinions, drift
        By method and by detector.
    level
        Exponentially weighted mean share of memory before each record: what was usual.
    ahead
        How much SNARIMAX expects memory to rise over the next `AHEAD` records; NaN where it was not asked.
    """

    opinions: dict[str, Opinion]
    drift: dict[str, Flags]
    level: Floats
    ahead: Floats


def squash(x: Floats, scale: float) -> Floats:
    """Map the real line to (0, 1) with 0 at .5, by arithmetic that gives the same bits everywhere."""
    squashed: Floats = 0.5 + 0.5 * (x / (np.abs(x) + scale))
    return squashed


def _odds(score: Floats) -> Floats:
    """Open up a score that ends at 1: calibration could not tell unusual from very unusual there."""
    odds: Floats = score / (1.0 + 1e-6 - score)
    return odds


class Methods:
    """Learned models of services and instances; memory goes in as shares of a unit, never as bytes.

    What tells odd points apart is per service and shared by its instances, so that a new instance starts
    warm; what follows one series (forecast, level, drift) is per instance and new after a restart.

    Raises
    ------
    BadSetting
        For a method or a River model that does not exist.
    """

    def __init__(self, settings: Processor) -> None:
        self._points = _point_models(settings)
        self._forecast = SNARIMAX(FIRST_ROWS, p=3, d=1, q=2) if "snarimax" in settings.models else None
        self._level = EWStats(FIRST_ROWS, fading_factor=_FADING)
        self._drift: dict[str, Model] = {
            "adwin": ADWIN(FIRST_ROWS, delta=_ADWIN_DELTA),
            "page_hinkley": PageHinkley(FIRST_ROWS, threshold=_PAGE_HINKLEY_THRESHOLD),
        }
        self._residuals = PageHinkley(FIRST_ROWS, threshold=_RESIDUAL_THRESHOLD)
        names = [*self._points, *(name for name in ("deviation", "snarimax") if name in settings.models)]
        self._calibrations = Calibrations(FIRST_ROWS, names)

    @property
    def fingerprint(self) -> str:
        """Parameters of all models."""
        models = [*self.service_parts().values(), *self.instance_parts().values()]
        return " ".join(model.fingerprint for model in models)  # type: ignore[attr-defined]

    def service_parts(self) -> dict[str, Part]:
        """Give what has a row per service."""
        return {**self._points, "calibrations": self._calibrations}

    def instance_parts(self) -> dict[str, Part]:
        """Give what has a row per instance."""
        forecast: Mapping[str, Part] = {} if self._forecast is None else {"snarimax": self._forecast}
        return {"level": self._level, **forecast, **self._drift, RESIDUALS: self._residuals}

    def observe(
        self,
        services: Rows,
        instances: Rows,
        memory: Floats,
        room: Floats,
        restarted: Flags,
        learn: Flags,
        suspected: Flags,
    ) -> Findings:
        """Score a batch with what was known before each record, then learn it where `learn` allows.

        Parameters
        ----------
        services, instances
            Rows, shape `(B,)`.
        memory
            Share of the unit of its instance, shape `(B,)`: the limit that its run began with.
        room
            Share of the limit in use, shape `(B,)`.
        suspected
            Where to look several steps ahead: a steady leak is invisible in one-step errors.
        """
        level, deviation, forecast, ahead, drift = self._follow(instances, memory, restarted, suspected)
        step = np.where(np.isnan(forecast), 0.0, memory - forecast)
        features = np.column_stack(
            [np.clip(room, 0.0, 1.0), squash(step, _STEP_SCALE), squash(memory - level, _DEVIATION_SCALE)]
        )
        raw = {name: model.score_learn(services, features, learn) for name, model in self._points.items()}
        if "half_space_trees" in raw:
            raw["half_space_trees"] = _odds(raw["half_space_trees"])
        if "deviation" in self._calibrations.names:
            raw["deviation"] = np.abs(deviation)
        if self._forecast is not None:
            raw["snarimax"] = np.abs(step)
        scores = np.column_stack(
            [raw[name] for name in self._calibrations.names] or [np.empty((len(step), 0))]
        )
        known = self._calibrations.score_learn(services, scores, learn)
        opinions = {n: Opinion(raw[n], known[:, at]) for at, n in enumerate(self._calibrations.names)}
        followers = [] if self._forecast is None else [self._forecast]
        for model in (*self._points.values(), *self._drift.values(), self._level, *followers):
            metrics.REFUSED.labels(model.NAME).inc(model.refused)
            model.refused = 0
        return Findings(opinions, drift, level, ahead)

    def _follow(
        self, rows: Rows, memory: Floats, restarted: Flags, suspected: Flags
    ) -> tuple[Floats, Floats, Floats, Floats, dict[str, Flags]]:
        """Run the models of single series; a restart makes them new just before its record."""
        level, deviation = np.empty(len(rows)), np.empty(len(rows))
        forecast, ahead = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        drift = {name: np.zeros(len(rows), dtype=bool) for name in (*self._drift, RESIDUALS)}
        for part in rounds(rows):
            at, x = rows[part], memory[part, None]
            if (fresh := at[restarted[part]]).size:
                self._reset(fresh)
            known = self._level.state[at, 0] > 0
            level[part] = np.where(known, self._level.mean(at)[:, 0], memory[part])
            deviation[part] = self._level.score_learn(at, x)[:, 0]
            if self._forecast is not None:
                seen = self._forecast.state[at, 0] > 0
                forecast[part] = np.where(seen, self._forecast.score_learn(at, x), np.nan)
                error = np.where(seen, np.abs(memory[part] - forecast[part]), 0.0)
                drift[RESIDUALS][part] = self._residuals.score_learn(at, error[:, None]) > 0
                if (asked := part[suspected[part]]).size:
                    ahead[asked] = self._forecast.forecast(rows[asked], AHEAD)[:, -1] - memory[asked]
            for name, model in self._drift.items():
                drift[name][part] = model.score_learn(at, x) > 0
        return level, deviation, forecast, ahead, drift

    def _reset(self, rows: Rows) -> None:
        for part in self.instance_parts().values():
            part.reset(rows)


def _point_models(settings: Processor) -> dict[str, Model]:
    unknown = set(settings.models) - {"half_space_trees", "snarimax", "deviation"}
    if unknown:
        raise BadSetting(
            f"setting processor.models names {', '.join(sorted(unknown))}:"
            " give half_space_trees, snarimax, deviation, or none"
        )
    found: dict[str, Model] = {}
    if "half_space_trees" in settings.models:
        found["half_space_trees"] = HalfSpaceTrees(FIRST_ROWS, features=_FEATURES, seed=1)
    if settings.river_model is not None:
        try:
            found["river"] = RiverModel(FIRST_ROWS, model=_river(settings.river_model), features=_FEATURES)
        except TypeError as error:
            raise BadSetting(f"setting processor.river_model is {settings.river_model!r}: {error}") from None
    return found


def _river(text: str) -> base.Base:
    """Make a River detector from `Class(name=value)`; only names and literals, nothing is evaluated."""
    try:
        call = ast.parse(text, mode="eval").body
        name, given = (call.func, call.keywords) if isinstance(call, ast.Call) else (call, [])
        if not isinstance(name, ast.Name):
            raise ValueError("not a class")
        made: base.Base = getattr(anomaly, name.id)(**{k.arg or "": ast.literal_eval(k.value) for k in given})
    except (SyntaxError, AttributeError, TypeError, ValueError) as error:
        raise BadSetting(
            f"setting processor.river_model is {text!r} ({error}): give a class of river.anomaly, such as"
            " HalfSpaceTrees(n_trees=25, height=6)"
        ) from None
    return made
