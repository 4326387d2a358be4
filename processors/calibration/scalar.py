"""One step of `Calibration` in plain Python: the same arithmetic, cheaper for a few records."""

from __future__ import annotations

import math
from typing import Protocol

PRIOR_SHAPE, PRIOR_EXCESSES = 0.0, 20.0  # an exponential tail until the key has excesses of its own
LARGEST_EXCESS = 10.0  # mean excesses that one score can teach at most
LARGEST_DEVIATION = 5.0  # spreads that one score can teach at most
RECENT = 0.3  # share of a young key's excesses that is remembered, because its first thresholds were wrong
LARGEST_SHAPE = 0.9
FLAT = 1e-6  # shapes nearer to 0 are set to this; there power and exponential agree to 1e-6


class Parameters(Protocol):
    """The parameters of a step; see `processors.calibration.Calibration`."""

    level: float
    warm_up: int
    memory: int
    resolution: float


def _body(given: Parameters, state: list[float], raw: float) -> float:
    distance = (raw - state[1]) / max(state[3] - state[1], given.resolution)
    half: float = 0.5 * (2 * given.level) ** min(abs(distance), 1e3)
    return max(half, given.level) if distance > 0 else 1 - half


def _tail(given: Parameters, state: list[float], excess: float) -> float:
    n_excesses, mean, square = state[4:]
    variance = square - mean * mean
    shape = 0.5 * (1 - mean * mean / variance) if variance > 0 else 0.0
    shape = min(max(shape, -LARGEST_SHAPE), LARGEST_SHAPE)
    shape = (n_excesses * shape + PRIOR_EXCESSES * PRIOR_SHAPE) / (n_excesses + PRIOR_EXCESSES)
    if abs(shape) < FLAT:
        shape = FLAT
    scale = max(mean, given.resolution) * (1 - shape)
    p: float = given.level * max(1 + shape * excess / scale, 1e-300) ** (-1 / shape)
    return p


def _learn_tail(given: Parameters, state: list[float], excess: float) -> None:
    n, (n_excesses, mean, square) = state[0], state[4:]
    learned = excess if n_excesses < 5 else min(excess, LARGEST_EXCESS * mean)
    after = min(n_excesses + 1, given.memory, RECENT * given.level * (n + 1) + 10)
    mean += (learned - mean) / after
    square += (learned * learned - square) / after
    state[4:] = after, mean, square


def _learn_body(given: Parameters, state: list[float], raw: float, mean_excess: float) -> None:
    n, median, spread, threshold = state[:4]
    after = n + 1
    if n == 0:
        state[:4] = after, raw, 0.0, raw
        return
    deviation = raw - median
    limit = math.inf if n < 20 else LARGEST_DEVIATION * spread + given.resolution
    spread += max(1 / after, 1 / given.memory) * (min(abs(deviation), limit) - spread)
    side = (deviation > 0) - (deviation < 0)
    median += max(1.5 / after, 2 / given.memory) * spread * side
    step = max(1 / math.sqrt(after), 5 / given.memory) * max(mean_excess, 0.2 * spread)
    threshold += step * (1 - given.level if raw > threshold else -given.level)
    state[:4] = after, median, spread, threshold


def step(given: Parameters, state: list[float], raw: float) -> float:
    """Learn one raw score into `state` in place; return the probability that it had before."""
    n, mean_excess = state[0], state[5]
    excess = raw - state[3] - given.resolution
    p = _tail(given, state, excess) if excess > 0 else _body(given, state, raw)
    p = max(p, 1.0 / (min(n, given.memory / given.level) + 1.0))
    if excess > 0 and n >= 10:
        _learn_tail(given, state, excess)
    _learn_body(given, state, raw, mean_excess)
    return p if n >= given.warm_up else math.nan
