"""The cost of scoring in memory: what a replay takes per sample, a record alone, a checkpoint and a restore.

`python -m benchmarks.replay [--json] [--turns N] [--samples N]`. All of it goes through the product's scoring
role, without Kafka, in batches as a processor, its restore and `fleetleak replay` take them. Services are
warm: they begin with stored states that have learned a day. Every figure is processor time. A turn measures
each figure once; the median over turns is reported.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import pkgutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np

from benchmarks import series
from benchmarks.common import Figures, load_average, medians, report, say, seconds
from benchmarks.fleet import WINDOW, key_of, scoring_seconds
from fleetleak.observe.garbage import collect_seldom
from fleetleak.settings import Settings
from fleetleak.stream import Record
from processors import kernels
from processors.scoring import Scoring

# The parts of the role in `profile_us`, and the functions that are timed for them. No part is inside another.
PARTS = {
    "decode": "processors.decode.decoder.SnapshotDecoder.decode",
    "place": "processors.place.placing.Placing.place",
    "evidence": "processors.evidence.engine.Evidence.observe",
    "methods": "processors.methods.ensemble.Methods.observe",
    "siblings": "processors.scoring.watch",
    "details": "processors.scoring.Details",
    "write": "processors.scoring.write",
}

SERIES = (1, 10, 100, 10_000)
LEAST_TICKS = 4
# Few series are slow without kernels.
FEW_SERIES, FEW_SAMPLES = 10, 4_000
ALONE_SERVICES, ALONE_TICKS = 500, 4
STORED_SERVICES = 1_000
PROFILED_SERVICES, PROFILED_TICKS = 5_000, 4
# One in fifty leaks, and only these 200 are scored: as where one release makes a whole fleet leak.
LEAKING_AMONG, LEAKING_TICKS = 10_000, 8
WARM_TICKS = 7 * WINDOW
BATCH = Settings().runtime.batch_records


def warm_states() -> list[bytes]:
    """Return the stored states of the distinct series, each at another point of a window."""
    first = np.random.default_rng(1).integers(0, WINDOW, series.DISTINCT).tolist()
    records = series.records_of(series.DISTINCT, 0, WARM_TICKS)
    begun = (
        record
        for record, (tick, at) in zip(records, itertools.product(range(WARM_TICKS), first), strict=True)
        if at <= tick
    )
    role = Scoring(Settings(), "scores")
    for batch in _batches(begun, BATCH):
        role.apply(batch)
    return [state or b"" for state in role.dump([key_of(service) for service in range(series.DISTINCT)])]


def _batches(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while batch := list(itertools.islice(records, size)):
        yield batch


class Fleet:
    """A scoring role with warm services, and the records that these send next."""

    def __init__(self, states: Sequence[bytes], services: int) -> None:
        self.keys = [key_of(service) for service in range(services)]
        self._tick = WARM_TICKS
        self.restore(itertools.cycle(states))
        self.us_per_record(self.next(1))

    def restore(self, states: Iterable[bytes]) -> float:
        """Go on with a new role that has loaded these states; return microseconds per service."""
        self.role = Scoring(Settings(), "scores")
        return self._us_per_service(lambda: [*map(self.role.load, self.keys, states)])

    def dump(self) -> tuple[list[bytes], float]:
        """Return the state of each service, and microseconds per service."""
        states: list[bytes] = []
        us = self._us_per_service(lambda: states.extend(state or b"" for state in self.role.dump(self.keys)))
        return states, us

    def next(self, ticks: int, size: int = BATCH) -> list[list[Record]]:
        """Return the next records of every service, in batches."""
        records = series.records_of(len(self.keys), self._tick, ticks)
        self._tick += ticks
        return list(_batches(records, size))

    def us_per_record(self, batches: list[list[Record]]) -> float:
        """Score batches; return microseconds per record."""
        return scoring_seconds(self.role, batches) * 1e6

    def _us_per_service(self, work: Callable[[], object]) -> float:
        return seconds(work) / len(self.keys) * 1e6


class Bench:
    """Fleets that go on from turn to turn.

    Parameters
    ----------
    samples
        Samples of a replay; more where this is less than four per series.
    """

    def __init__(self, samples: int) -> None:
        states = warm_states()
        self._samples = samples
        self._replayed = {services: Fleet(states, services) for services in SERIES}
        self._alone = Fleet(states, ALONE_SERVICES)
        self._stored = Fleet(states, STORED_SERVICES)
        self._profiled = Fleet(states, PROFILED_SERVICES)
        self._leaking = Fleet(states, LEAKING_AMONG)

    def turn(self) -> Figures:
        """Measure everything once."""
        with_kernels, without = {}, {}
        for services in SERIES:
            with_kernels[str(services)] = self._replay(services, self._samples)
            most = FEW_SAMPLES if services <= FEW_SERIES else self._samples
            with kernels.without():
                without[str(services)] = self._replay(services, min(self._samples, most))
        one = self._batch_of_one()
        with kernels.without():
            one_without = self._batch_of_one()
        return {
            "replay_us_per_sample": with_kernels,
            "replay_us_per_sample_without_kernels": without,
            "batch_of_one_ms": one,
            "batch_of_one_ms_without_kernels": one_without,
            **self._checkpoint(),
            "leaking_us_per_sample": self._leaks(),
            "profile_us": self._profile(),
        }

    def _replay(self, services: int, samples: int) -> float:
        fleet = self._replayed[services]
        return fleet.us_per_record(fleet.next(max(LEAST_TICKS, samples // services)))

    def _leaks(self) -> float:
        """Return microseconds per record of what leaks, with its forecast and words."""
        batches = self._leaking.next(LEAKING_TICKS, size=LEAKING_AMONG)
        only = slice(series.LEAK_EVERY - 1, None, series.LEAK_EVERY)
        return self._leaking.us_per_record([batch[only] for batch in batches])

    def _batch_of_one(self) -> float:
        """Return the median time of a batch of one record, in milliseconds."""
        batches = self._alone.next(ALONE_TICKS, size=1)
        return statistics.median(self._alone.us_per_record([batch]) for batch in batches) / 1000

    def _checkpoint(self) -> dict[str, float]:
        """Measure stored states: to write, to load, and to score the first record after that."""
        states, write_us = self._stored.dump()
        load_us = self._stored.restore(states)
        return {
            "checkpoint_us": write_us,
            "checkpoint_bytes": statistics.median(map(len, states)),
            "load_us": load_us,
            "first_record_after_restore_us": self._stored.us_per_record(self._stored.next(1)),
        }

    def _profile(self) -> dict[str, float]:
        """Return microseconds per record, of each part and of the whole role."""
        batches = self._profiled.next(PROFILED_TICKS, size=PROFILED_SERVICES)
        spent = dict.fromkeys(PARTS, 0.0)
        with contextlib.ExitStack() as stack:
            for part, target in PARTS.items():
                timed = _timed(part, pkgutil.resolve_name(target), spent)
                stack.enter_context(mock.patch(target, timed))
            whole = self._profiled.us_per_record(batches)
        records = sum(map(len, batches))
        parts = {part: used / records * 1e6 for part, used in spent.items()}
        return {**parts, "rest": whole - sum(parts.values()), "whole": whole}


def _timed(part: str, work: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    """Return the same function; its processor time is added to `spent`, also that of a generator's steps."""

    def step(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        begin = time.process_time()
        try:
            return call(*given, **named)
        finally:
            spent[part] += time.process_time() - begin

    def steps(generator: Iterator[Any]) -> Iterator[Any]:
        while (one := step(next, generator, None)) is not None:
            yield one

    def timed(*given: Any, **named: Any) -> Any:
        result = step(work, *given, **named)
        return steps(result) if isinstance(result, Iterator) else result

    return timed


def measure(turns: int, samples: int) -> Figures:
    """Measure in turns."""
    before = load_average()
    say("warming up")
    bench = Bench(samples)
    collect_seldom()
    rows = []
    for turn in range(turns):
        say(f"turn {turn + 1} of {turns}")
        rows.append(bench.turn())
    return medians(rows) | {
        "kernels": float(kernels.available()),
        "samples": samples,
        "turns": turns,
        "load_before": before,
        "load_after": load_average(),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--samples", type=int, default=40_000, help="samples of each replay; default 40000")
    arguments = parser.parse_args()
    report(measure(arguments.turns, arguments.samples), arguments.json)


if __name__ == "__main__":
    main()
