"""Long random series of everything that a fleet does, also of what it should not do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from processors.columns import Flags, Floats, Rows
from processors.evidence.samples import Samples

START = 1.7e9
HOUR = 3600.0
GIB = 2.0**30
_INTERVALS = (1.0, 15.0, 60.0, 300.0, 6 * HOUR)
_SHAPES = ("noise", "line", "curve", "root", "stairs", "sawtooth", "day")
_NUMBERS = ("time", "memory", "limit", "used", "left")


def stream(seed: int, size: int, instances: int = 9, services: int = 4) -> tuple[Rows, Rows, Samples]:
    """Return rows of instances, rows of services, and samples.

    Half of the samples are of the first instance. There are noise, growth, steps and sawteeth; sampling that
    is uneven, has gaps, and changes its interval; restarts with and without start times; limits that move;
    samples that are late, or not finite.
    """
    random = np.random.default_rng(seed)
    rows = np.where(random.random(size) < 0.5, 0, random.integers(0, instances, size)).astype(np.intp)
    time, memory, limit = np.empty(size), np.empty(size), np.empty(size)
    restarted, timed = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for row in range(instances):
        at = np.flatnonzero(rows == row)
        new = random.random(len(at)) < 0.005
        time[at], limit[at] = _times(random, len(at)), _limits(random, len(at))
        memory[at] = np.floor(GIB * _memory(random, time[at], new))
        timed[at] = random.random() < 0.5
        restarted[at] = new & timed[at]
    used = memory + np.floor(random.random(size) * 0.1 * GIB)
    given = Samples(time, memory, limit, used, np.maximum(limit - used, 0.0), restarted, timed)
    return rows, rows % services, _damaged(random, _with_rates(random, given))


def _times(random: Generator, size: int) -> Floats:
    """Return times of one interval and then of another: even, uneven or with gaps."""
    first, second = random.choice(_INTERVALS, 2)
    gap = np.where(np.arange(size) < size * random.random(), first, second)
    uneven = random.exponential(1.0, size) if random.random() < 0.4 else np.ones(size)
    lost = np.where(random.random(size) < 0.02, random.integers(2, 200, size), 1)
    times: Floats = START + np.cumsum(gap * uneven * lost)
    return times


def _limits(random: Generator, size: int) -> Floats:
    moves = np.where(random.random(size) < 0.01, random.choice([0.5, 1.5, 2.0], size), 1.0)
    limits: Floats = GIB * np.clip(np.cumprod(moves), 0.5, 16.0).astype(np.float64)
    return limits


def _memory(random: Generator, time: Floats, new: Flags) -> Floats:
    """Return shares of a GiB; each run has a shape and noise of its own."""
    memory = np.empty(len(time))
    span = max(np.ptp(time), 1.0) if len(time) else 1.0
    for at in np.split(np.arange(len(time)), np.flatnonzero(new)):
        share = (time[at] - time[at[:1]]) / span
        noise = random.normal(0.0, random.choice([0.0, 1e-4, 0.01]), len(at))
        memory[at] = 0.1 + 0.4 * random.random() + _shape(random, share, time[at]) + noise
    return np.clip(memory, 0.0, 2.0)


def _shape(random: Generator, share: Floats, time: Floats) -> Floats:
    shapes: dict[str, Floats] = {
        "noise": 0.0 * share,
        "line": share,
        "curve": np.expm1(3.0 * share) / 20.0,
        "root": np.sqrt(share),
        "stairs": np.floor(share * 20.0) / 20.0,
        "sawtooth": 0.3 * (share * 30.0 % 1.0),
        "day": 0.2 * np.sin(2.0 * np.pi * time / (24.0 * HOUR)),
    }
    return shapes[random.choice(_SHAPES)]


def _with_rates(random: Generator, given: Samples) -> Samples:
    """Return samples of which some have a load, page faults and swap."""
    known = random.random((3, len(given.time))) < 0.8
    load, faults, swap = np.where(known, random.random(known.shape), np.nan)
    return replace(given, load=load, faults=1e4 * faults, swap=np.floor(0.1 * GIB * swap))


def _damaged(random: Generator, given: Samples) -> Samples:
    """Return the samples with some that are late, and some that are not finite."""
    late = random.random(len(given.time)) < 0.01
    columns = {name: getattr(given, name).copy() for name in _NUMBERS}
    columns["time"][late] -= 7.0 * HOUR
    for column in columns.values():
        column[random.random(len(column)) < 0.002] = random.choice([np.nan, np.inf])
    return replace(given, **columns)
