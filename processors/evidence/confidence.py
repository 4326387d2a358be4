"""From the criteria of a leak to a margin and a confidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from processors.columns import Floats, Rows
from processors.evidence.trend import Fits

LEAST_RISE = 0.004  # of the limit; a smaller rise never matters, whatever the noise
_YOUNG = 0.6  # of the limit; the rise that passes for normal while nothing is known
_YOUNG_LIFE = 3.0  # lengths of the window after which that is half as large
_STEEP, _EVEN = 8.0, 0.3  # the pattern is one half just below a margin of 0, and nine tenths at .25
DAY = 86400.0  # a young series may have daily habits that are not known yet; longer rises are no such habit
STRAIGHT_RISE, STRAIGHT_TAKEN = 2.0, 0.035  # times what is normal; share of what was free
OFF_LINE, WIDER = 1e-3, 1.0  # share of the variance off a line; times more where all that was free is taken
KNOWN = 1.4  # a service is known well if its history is this many times as long as the growth
NEW_TAKEN = 0.5  # share of what was free that a growth must take if it is as old as its service
NEW_LASTS = 3 * 3600.0  # seconds of growth after which that counts half; caches fill for hours at most
LASTS, LASTS_OF_REST = 300.0, 0.1  # age a growth must have: seconds, or this share of the time left
LASTS_WIDTH = 8.0  # width at which the confidence of `sure` needs about three times that age
SLOW_RISE, SLOW_DAYS, SLOW_TAKEN = 1.7, 1.75, 0.05
PATIENCE = -0.25  # the share that a rise must take shrinks with this power of the days it has lasted


@dataclass(frozen=True)
class Seen:
    """What the criteria look at. All arrays have the same shape, with one entry per fit.

    Parameters
    ----------
    fits
        The fitted stretches.
    limit
        The limit that each stretch began under, in bytes.
    age, remaining
        Seconds since the growth began, by the level that has seen it longest, and seconds until the limit.
    normal
        What the service is known to gain and give back at the scale of the fit, in bytes.
    history
        Seconds for which the service has been known.
    taken
        The rise as a share of the memory that was free when the stretch began.
    heading
        The rise at which a slowing growth would stop, as a share of the same.
    above
        Share of the rise that stands above the same time a day or a week before.
    """

    fits: Fits
    limit: Floats
    age: Floats
    remaining: Floats
    normal: Floats
    history: Floats
    taken: Floats
    heading: Floats
    above: Floats

    def only(self, index: tuple[Rows, ...] | Rows) -> Seen:
        """Return the entries at `index`."""
        return Seen(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Criterion:
    """One criterion: `distance` is 0 at its threshold, positive beyond it, and about 1 far beyond it."""

    name: str
    distance: Callable[[Seen], Floats]


def _young(seen: Seen) -> Floats:
    window = np.maximum(seen.fits["window"], 1.0)
    age: Floats = np.maximum(seen.history - window, 0.0) / window
    young: Floats = _YOUNG * np.exp2(-age / _YOUNG_LIFE) * np.minimum(DAY / window, 1.0)
    return young


def _noise(times: float, young: float) -> Callable[[Seen], Floats]:
    def distance(seen: Seen) -> Floats:
        rise = seen.fits["rise"] * seen.fits["r2"]
        usual = np.maximum(
            times * np.maximum(seen.normal, LEAST_RISE * seen.limit), young * _young(seen) * seen.limit
        )
        return np.asarray(np.log(rise / usual))

    return distance


def _field(name: str, least: float, width: float) -> Callable[[Seen], Floats]:
    return lambda seen: (seen.fits[name] - least) / width


def _points(least: float) -> Criterion:
    return Criterion("points", lambda seen: np.log2(np.maximum(seen.fits["points"], 1.0) / least))


def _days(least: float) -> Callable[[Seen], Floats]:
    return lambda seen: np.log(np.maximum(seen.fits["window"], 1.0) / (least * DAY))


def _takes(least: float) -> Callable[[Seen], Floats]:
    return lambda seen: np.asarray(np.log(np.maximum(seen.taken, 1e-6) / (least * _patience(seen))))


def _patience(seen: Seen) -> Floats:
    patience: Floats = np.maximum(seen.fits["window"] / DAY, 1.0) ** PATIENCE
    return patience


def _straight(seen: Seen) -> Floats:
    """Return how closely a line fits. The more the growth has taken, the less exact the line must be."""
    off = 1.0 - seen.fits["r2"] + 1e-5
    allowed = OFF_LINE * (1.0 + WIDER * np.clip(seen.taken, 0.0, 1.0))
    return np.asarray(-np.log10(off / allowed))


def _takes_as_a_line(seen: Seen) -> Floats:
    """Return how much it takes. One as old as its service must take far more: caches fill straight, too."""
    known = seen.history / np.maximum(seen.age, 1.0)
    new = np.clip((KNOWN - known) / (KNOWN - 1.0), 0.0, 1.0) * np.exp2(-seen.age / NEW_LASTS)
    least = STRAIGHT_TAKEN + (NEW_TAKEN - STRAIGHT_TAKEN) * new
    return np.asarray(np.log(np.maximum(seen.taken, 1e-6) / (least * _patience(seen))))


def _lasting(seen: Seen) -> Floats:
    """Return how long it has lasted: it must be minutes, or a good part of the time that is left."""
    least = np.clip(LASTS_OF_REST * seen.remaining, 1.0, LASTS)
    return np.asarray(np.log(np.maximum(seen.age, 1.0) / least) / LASTS_WIDTH)


def _weakest_quarter(least: float) -> Callable[[Seen], Floats]:
    def distance(seen: Seen) -> Floats:
        slopes = [seen.fits[name] for name in ("slope1", "slope2", "slope3")]
        return np.asarray(np.minimum(np.minimum(slopes[0], slopes[1]), slopes[2]) - least) / 0.5

    return distance


CLIMBING = Criterion("climbing", _field("slope3", 0.3, 0.7))
NO_STEP = Criterion("no step", lambda seen: (seen.fits["r2"] - seen.fits["step_r2"]) / 0.2)
NOT_LOAD = Criterion("load", lambda seen: (seen.fits["r2"] - 0.05 - seen.fits["load_r2"]) / 0.2)
NO_FALL = Criterion("no fall", lambda seen: (0.3 - seen.fits["drawdown"]) / 0.3)
HEADING = Criterion("heading", lambda seen: (np.maximum(seen.heading, seen.taken / 0.64) - 1.1) / 0.5)
NEW = Criterion("season", lambda seen: (seen.above - 0.3) / 0.7)

WAYS: dict[str, tuple[Criterion, ...]] = {
    "established": (
        Criterion("noise", _noise(1.8, 1.0)),
        Criterion("fit", _field("r2", 0.6, 0.3)),
        Criterion("taken", _takes(0.3)),
        HEADING, CLIMBING, NO_STEP, NOT_LOAD, NO_FALL, NEW,
    ),
    "straight": (
        Criterion("noise", _noise(STRAIGHT_RISE, 0.1)),
        Criterion("straight", _straight),
        _points(24.0),
        Criterion("taken", _takes_as_a_line),
        Criterion("lasting", _lasting),
        CLIMBING, NOT_LOAD, NEW,
    ),
    "slow": (
        Criterion("noise", _noise(SLOW_RISE, 0.0)),
        Criterion("fit", _field("r2", 0.7, 0.2)),
        Criterion("days", _days(SLOW_DAYS)),
        _points(8.0),
        Criterion("slow", lambda seen: np.log(SLOW_TAKEN / np.maximum(seen.taken, 1e-6))),
        Criterion("steady", _weakest_quarter(0.3)),
        NO_STEP, NOT_LOAD,
    ),
}  # fmt: skip
"""The three ways to recognise a leak. Reasons for the thresholds are in docs/evidence.md."""


def deciding(seen: Seen) -> list[tuple[str, Criterion]]:
    """Return the way and the criterion that decide on each fit: the weakest of its strongest way."""
    names = [(way, criterion) for way, criteria in WAYS.items() for criterion in criteria]
    distances = np.stack([criterion.distance(seen) for _, criterion in names])
    worst, at = [], 0
    for criteria in WAYS.values():
        worst.append(at + np.argmin(distances[at : at + len(criteria)], axis=0))
        at += len(criteria)
    candidates = np.stack(worst)
    values = np.take_along_axis(distances, candidates, axis=0)
    chosen = candidates[np.argmax(values, axis=0), np.arange(values.shape[1])]
    return [names[index] for index in chosen.tolist()]


def margin(seen: Seen) -> Floats:
    """Return how clearly each stretch is a leak: the weakest criterion of its strongest way."""
    best = np.full(len(seen.fits), -np.inf)
    for way in WAYS.values():
        weakest = np.full(len(seen.fits), np.inf)
        for criterion in way:
            weakest = np.minimum(weakest, criterion.distance(seen))
        best = np.maximum(best, weakest)
    return best


def confidence(margin: Floats, fits: Fits, quality: Floats) -> Floats:
    """Return (1 - normalised residual) x strength of the pattern x data quality, each from 0 to 1."""
    spread = np.minimum(fits["residual"] / np.maximum(fits["rise"], 1e-9), 1.0)
    pattern = 1.0 / (1.0 + np.exp(-np.clip(_STEEP * margin + _EVEN, -30.0, 30.0)))
    result: Floats = (1.0 - spread) * pattern * quality
    return result
