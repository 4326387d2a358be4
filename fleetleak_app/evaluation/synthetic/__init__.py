"""Labelled synthetic telemetry: leaks of five shapes, and benign series that look like leaks.

Every scenario has a permanent id, which is also its seed: the same id gives the same records on every
machine with the same numpy. Scenarios are models of processes, not copies of recorded series; use them
to compare versions of a detector, not to claim how it does in production.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fleetleak.records import Snapshot
from fleetleak_app.evaluation.cases import Case
from fleetleak_app.evaluation.synthetic.instance import Life, live
from fleetleak_app.evaluation.synthetic.scenarios import SCENARIOS, Scenario
from fleetleak_app.evaluation.synthetic.telemetry import EPOCH, Telemetry, observe

__all__ = ["SCENARIOS", "Scenario", "Telemetry", "all_cases", "simulate", "snapshots"]


def simulate(scenario: Scenario) -> list[Telemetry]:
    """Return the telemetry of each instance of a scenario."""
    seed = zlib.crc32(scenario.id.encode())
    hours = np.arange(0.0, scenario.hours, scenario.step / 3600)
    load = scenario.traffic.load(hours, np.random.default_rng([seed, 0]))
    rngs = [np.random.default_rng([seed, number]) for number in range(1, len(scenario.members) + 1)]
    every = []
    for number, (member, rng) in enumerate(zip(scenario.members, rngs, strict=True)):
        life = live(member, hours, load, scenario.swap, rng)
        every.append(_telemetry(scenario, number, life, rng))
    return every


def snapshots(scenario: Scenario) -> Iterator[Snapshot]:
    """Return the snapshots of all instances, in order of time."""
    streams = [telemetry.snapshots() for telemetry in simulate(scenario)]
    return heapq.merge(*streams, key=lambda snapshot: snapshot.timestamp)


def all_cases() -> list[Case]:
    """Return the labelled series of every scenario."""
    return [telemetry.case() for scenario in SCENARIOS.values() for telemetry in simulate(scenario)]


def _telemetry(scenario: Scenario, number: int, life: Life, rng: np.random.Generator) -> Telemetry:
    columns = observe(life, limit=scenario.limit, swap=scenario.swap, quantum=scenario.quantum)
    kept = np.flatnonzero(rng.random(len(life.hours)) >= scenario.dropout)
    picked = {
        name: [column[i] for i in kept.tolist()] if isinstance(column, list) else column[kept]
        for name, column in columns.items()
    }
    return Telemetry(
        service=scenario.id,
        instance=f"{scenario.id}-{number}",
        tag=scenario.tag,
        limit=scenario.limit,
        columns=picked,
        leaks=tuple(replace(leak, onset=_unix(leak.onset), end=_unix(leak.end)) for leak in life.leaks),
        ambiguous=tuple((_unix(begin), _unix(end)) for begin, end in life.ambiguous),
    )


def _unix(hours: float) -> float:
    return EPOCH + hours * 3600.0
