"""Series as a fleet has them: quiet noise, sawtooth, daily wave, and 2 % slow leaks; one sample a minute.

Of the series that do not leak, a third is of each kind. The same call gives the same values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.fleet import START, record
from fleetleak.stream import Record
from processors.columns import Floats

INTERVAL_SECONDS = 60.0
DISTINCT = 100
"""Series n has the level, the kind and the phase of series n modulo this; only its noise is its own."""
_DAY_TICKS = int(86400 / INTERVAL_SECONDS)
_LEAK_TICKS = 3 * _DAY_TICKS  # length of a leaking run; then it restarts
_NOISE, _SAW, _WAVE, _LEAK = 0.003, 0.15, 0.1, 0.5  # shares of the limit

LEAK_EVERY = 50
"""Of so many series in a row, the last one leaks."""

_number = np.arange(DISTINCT)
_leaks = _number % LEAK_EVERY == LEAK_EVERY - 1
_level = 0.2 + 0.3 * (_number * 37 % DISTINCT) / DISTINCT
_phase_ticks = _number * 7919
_saw_ticks = 30 + 7 * (_number % 30)


def shares(series: int, first_tick: int, ticks: int, seed: int = 1) -> Floats:
    """Return memory as shares of the limit, shape `(ticks, series)`."""
    like = np.arange(series) % DISTINCT
    at = np.arange(first_tick, first_tick + ticks)[:, None] + _phase_ticks[like]
    leak = _LEAK * (at % _LEAK_TICKS) / _LEAK_TICKS
    saw = _SAW * (at % _saw_ticks[like]) / _saw_ticks[like]
    wave = _WAVE * np.sin(2 * np.pi * at / _DAY_TICKS)
    shape = np.select([_leaks[like], like % 3 == 1, like % 3 == 2], [leak, saw, wave], 0.0)
    noise = np.random.default_rng([seed, series, first_tick]).normal(0.0, _NOISE, at.shape)
    values: Floats = _level[like] + shape + noise
    return values


def records_of(series: int, first_tick: int, ticks: int) -> Iterator[Record]:
    """Yield the records of this many series, tick by tick, like a recording in order of time."""
    phases = [int(_phase_ticks[n % DISTINCT]) if _leaks[n % DISTINCT] else None for n in range(series)]
    for tick, values in enumerate(shares(series, first_tick, ticks), first_tick):
        time = START + tick * INTERVAL_SECONDS
        for number, (share, phase) in enumerate(zip(values.tolist(), phases, strict=True)):
            age_ticks = tick if phase is None else (tick + phase) % _LEAK_TICKS
            yield record(number, time, share, started=time - (age_ticks + 1) * INTERVAL_SECONDS)
