"""From the signs of a leak to one margin and one confidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.columns import Floats, Rows
from processors.evidence.trend import Fits

LEAST_RISE = 0.004  # of the limit: a smaller rise is no news, whatever the noise
_YOUNG = 0.6  # of the limit: the rise that is normal while nothing is known
_YOUNG_LIFE = 3.0  # lengths of the window after which that counts half
_STEEP, _EVEN = 8.0, 0.3  # the pattern is at one half just below a margin of 0, at nine tenths at 0.25
DAY = 86400.0  # what is unknown of a young series are its daily habits; a longer rise is none of them
STRAIGHT_RISE, STRAIGHT_TAKEN = 2.0, 0.035  # times what is normal; share of what was free
OFF_LINE, WIDER = 1e-3, 1.0  # share of the variance off a line; times more where all that was free is taken
KNOWN = 1.4  # lengths of a growth for which its service must be known
NEW_TAKEN = 0.5  # share of what was free that a growth must take which is as old as its service
NEW_LASTS = 3 * 3600.0  # seconds of growth after which that counts half: caches fill for hours at most
LASTS, LASTS_OF_REST = 300.0, 0.1  # seconds; share of the time left
LASTS_WIDTH = 8.0  # so wide that `sure` takes three times as long
SLOW_RISE, SLOW_DAYS, SLOW_TAKEN = 1.7, 1.75, 0.05
PATIENCE = -0.25  # power of the days that a rise has lasted with which the share it must take shrinks


@dataclass(frozen=True)
class Seen:
    """What the criteria look at; every array of one shape, one entry per fit.

    Parameters
    ----------
    fits
        The stretches.
    limit
        The limit that each began under, bytes.
    age, remaining
        Seconds since the growth began, at the scale that sees it longest, and until it reaches the limit.
    normal
        What the service is known to gain and give back at the fit's scale, bytes.
    history
        Seconds that the service has been known.
    taken
        Share of the memory that was free at the stretch's start, which its rise has taken.
    heading
        Where a slowing growth would stop, as a share of the same.
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
        """Give the entries at `index`."""
        return Seen(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Criterion:
    """One sign: `distance` is 0 at its threshold, positive beyond it, about 1 far beyond."""

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
    """A line explains nearly all; the more it took, the less exactly."""
    off = 1.0 - seen.fits["r2"] + 1e-5
    allowed = OFF_LINE * (1.0 + WIDER * np.clip(seen.taken, 0.0, 1.0))
    return np.asarray(-np.log10(off / allowed))


def _takes_as_a_line(seen: Seen) -> Floats:
    """A growth that began with the service must take far more: caches fill in a straight line, too."""
    known = seen.history / np.maximum(seen.age, 1.0)
    new = np.clip((KNOWN - known) / (KNOWN - 1.0), 0.0, 1.0) * np.exp2(-seen.age / NEW_LASTS)
    least = STRAIGHT_TAKEN + (NEW_TAKEN - STRAIGHT_TAKEN) * new
    return np.asarray(np.log(np.maximum(seen.taken, 1e-6) / (least * _patience(seen))))


def _lasting(seen: Seen) -> Floats:
    """It has lasted for minutes, or for a good part of the time that is left."""
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
"""The three ways to recognise a leak; thresholds and their reasons are in docs/evidence.md."""


def limits(seen: Seen) -> tuple[NDArray[np.intp], list[tuple[str, Criterion]], Floats]:
    """Give each fit's deciding (way, criterion) as an index into the list, the list, all distances."""
    names = [(way, criterion) for way, criteria in WAYS.items() for criterion in criteria]
    distances = np.stack([criterion.distance(seen) for _, criterion in names])
    worst, at = [], 0
    for criteria in WAYS.values():
        worst.append(at + np.argmin(distances[at : at + len(criteria)], axis=0))
        at += len(criteria)
    candidates = np.stack(worst)
    values = np.take_along_axis(distances, candidates, axis=0)
    return candidates[np.argmax(values, axis=0), np.arange(values.shape[1])], names, distances


def margin(seen: Seen) -> Floats:
    """How clearly each stretch is a leak: the weakest criterion of its strongest way."""
    best = np.full(len(seen.fits), -np.inf)
    for way in WAYS.values():
        weakest = np.full(len(seen.fits), np.inf)
        for criterion in way:
            weakest = np.minimum(weakest, criterion.distance(seen))
        best = np.maximum(best, weakest)
    return best


def confidence(margin: Floats, fits: Fits, quality: Floats) -> Floats:
    """(1 - normalised residual) x pattern strength x data quality, each from 0 to 1."""
    spread = np.minimum(fits["residual"] / np.maximum(fits["rise"], 1e-9), 1.0)
    pattern = 1.0 / (1.0 + np.exp(-np.clip(_STEEP * margin + _EVEN, -30.0, 30.0)))
    result: Floats = (1.0 - spread) * pattern * quality
    return result
