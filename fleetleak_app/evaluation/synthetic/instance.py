"""The life of one instance: deploys, restarts, kills, and the labels of its leaks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fleetleak_app.evaluation.cases import Floats, Leak
from fleetleak_app.evaluation.scorer import SLOW_RATE
from fleetleak_app.evaluation.synthetic import leaks
from fleetleak_app.evaluation.synthetic.parts import Part, Run

KERNEL = 0.02  # of the limit: stacks, page tables and slabs that cannot be reclaimed
SLOW_SHARE = 0.05
UNSEEN_SHARE = 0.01  # a leak cut short before it took this much is neither a leak nor clean


@dataclass(frozen=True, slots=True)
class Stage:
    """A version of the program that runs until hour `until`: its anonymous memory and its page cache."""

    anon: tuple[Part, ...]
    version: str = "v1"
    until: float = float("inf")
    file: tuple[Part, ...] = ()
    restart_every: float = float("inf")


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of a service: its stages, and the hours at which it comes and goes."""

    stages: tuple[Stage, ...]
    born: float = 0.0
    gone: float = float("inf")


@dataclass(slots=True)
class Life:
    """What happened to an instance, sample by sample; memory in fractions of the limit, times in hours."""

    hours: Floats
    load: Floats
    anon: Floats = field(init=False)
    file: Floats = field(init=False)
    started: Floats = field(init=False)
    kills: Floats = field(init=False)
    versions: list[str] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    ambiguous: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.anon, self.file, self.started, self.kills = np.zeros((4, len(self.hours)))


def live(member: Member, hours: Floats, load: Floats, swap: float, rng: np.random.Generator) -> Life:
    """Return the life of an instance; `hours` and `load` are of the scenario, `swap` is in limits."""
    alive = (hours >= member.born) & (hours < member.gone)
    hours, load = hours[alive], load[alive]
    life = Life(hours, load)
    begin = killed = 0
    while begin < len(hours):
        stage = next(p for p in member.stages if hours[begin] < p.until)
        planned = min(stage.until, hours[begin] + stage.restart_every)
        end = max(int(np.searchsorted(hours, planned)), begin + 1)
        begin, dead = _run(life, stage, slice(begin, end), killed, 1.0 + swap - KERNEL, rng)
        killed += dead
    return life


def _run(
    life: Life, stage: Stage, span: slice, killed: int, most: float, rng: np.random.Generator
) -> tuple[int, bool]:
    """Run until a restart or kill; return the first sample of the next run, and whether it was a kill."""
    hours = life.hours[span]
    step = float(life.hours[1] - life.hours[0]) if len(life.hours) > 1 else 1.0
    run = Run(hours - hours[0], hours, life.load[span], step, rng)
    parts = [p for p in stage.anon if not isinstance(p, leaks.Leak) or killed < p.kills]
    memories = [part.memory(run) for part in parts]
    anon = np.maximum(np.sum(memories, axis=0), 0.0)
    over = np.flatnonzero(anon >= most)
    length = int(over[0]) + 1 if len(over) else len(hours)
    span = slice(span.start, span.start + length)
    life.anon[span] = np.minimum(anon, most)[:length]
    for part in stage.file:
        life.file[span] += part.memory(run)[:length]
    life.started[span] = hours[0]
    life.kills[span] = killed
    life.versions += [stage.version] * length
    for part, memory in zip(parts, memories, strict=True):
        if isinstance(part, leaks.Leak):
            _label(life, part, run, memory[:length], dead=bool(len(over)))
    return span.stop, bool(len(over))


def _label(life: Life, leak: leaks.Leak, run: Run, memory: Floats, *, dead: bool) -> None:
    leaking = np.flatnonzero(leak.begun(run)[: len(memory)] > 0)
    if len(leaking) < 2:
        return
    onset, end = float(run.hours[leaking[0]]), float(run.hours[len(memory) - 1])
    if memory[-1] < UNSEEN_SHARE and not dead:
        life.ambiguous.append((onset, end))
        return
    slow = memory[-1] < SLOW_SHARE
    rate = f"{leak.life:g}h" if leak.life < 24 else f"{leak.life / 24:.2g}d"
    life.leaks.append(Leak(onset, end, leak.KIND, SLOW_RATE if slow else rate, dead))
