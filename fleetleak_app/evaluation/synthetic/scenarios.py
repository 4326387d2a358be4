"""The registry of scenarios: permanent ids, one line each. The meaning of an id never changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleetleak_app.evaluation.synthetic.instance import Member, Stage
from fleetleak_app.evaluation.synthetic.leaks import (
    Exponential,
    Fragmentation,
    Leak,
    Linear,
    Periodic,
    Staircase,
)
from fleetleak_app.evaluation.synthetic.parts import (
    Batch,
    BulkLoad,
    Cache,
    Garbage,
    Part,
    PerRequest,
    Shifts,
    Steady,
    Wander,
    WarmUp,
)
from fleetleak_app.evaluation.synthetic.traffic import Traffic

GIB = 2**30
MIB = 2**20
DAY = 24.0

FLAT, DAILY, WEEKLY = Traffic(), Traffic(daily=0.5), Traffic(daily=0.4, weekly=0.5)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One service for some `hours`, sampled every `step` seconds.

    `limit` is bytes per instance, `swap` its swap space as a share of that, `quantum` the bytes in which
    its memory comes, `dropout` the share of samples that are missing.
    """

    id: str
    tag: str
    hours: float
    step: float
    members: tuple[Member, ...]
    traffic: Traffic = FLAT
    limit: int = 2 * GIB
    swap: float = 0.0
    quantum: int = 4096
    dropout: float = 0.0


CALM: tuple[Part, ...] = (Steady(0.28), Wander(0.004, 0.5), PerRequest(0.04))
NOISY: tuple[Part, ...] = (Steady(0.26), Wander(0.02, 2.0), PerRequest(0.05))
SHIFTY: tuple[Part, ...] = (Steady(0.24), Wander(0.006, 0.5), Shifts(0.08, 4.0))
COLLECTED: tuple[Part, ...] = (Steady(0.22), Wander(0.004, 0.5), Garbage(0.12, 0.7))
WARMING: tuple[Part, ...] = (Steady(0.15), Wander(0.005, 0.5), WarmUp(0.15, 1.0), PerRequest(0.03))

_LENGTHS = {2.0: (12.0, 30.0), 12.0: (48.0, 60.0), 3 * DAY: (8 * DAY, 300.0), 14 * DAY: (24 * DAY, 600.0)}


def _leaking(name: str, leak: Leak, background: tuple[Part, ...], traffic: Traffic = FLAT) -> Scenario:
    """Return one instance that leaks after a clean beginning, until it is killed and repaired."""
    hours, step = _LENGTHS[leak.life]
    return Scenario(
        f"leak-{name}", f"leak:{leak.KIND}", hours, step, (Member((Stage((*background, leak)),)),), traffic
    )


def _clean(name: str, days: float, *parts: Part, traffic: Traffic = FLAT, step: float = 60.0) -> Scenario:
    """Return one instance without a leak."""
    return Scenario(f"clean-{name}", f"hard:{name}", days * DAY, step, (Member((Stage(parts),)),), traffic)


def _shapes() -> Iterable[Scenario]:
    yield _leaking("linear-2h", Linear(2.0, 6.0), CALM)
    yield _leaking("linear-12h", Linear(12.0, 24.0), COLLECTED)
    yield _leaking("linear-3d", Linear(3 * DAY, 4 * DAY), NOISY, DAILY)
    yield _leaking("linear-14d", Linear(14 * DAY, 7 * DAY), CALM, WEEKLY)
    yield _leaking("linear-per-request-3d", Linear(3 * DAY, 4 * DAY, per_request=True), CALM, DAILY)
    yield _leaking("exponential-2h", Exponential(2.0, 6.0), NOISY)
    yield _leaking("exponential-12h", Exponential(12.0, 24.0), CALM)
    yield _leaking("exponential-3d", Exponential(3 * DAY, 4 * DAY), SHIFTY)
    yield _leaking("exponential-14d", Exponential(14 * DAY, 7 * DAY), COLLECTED, DAILY)
    yield _leaking("staircase-2h", Staircase(2.0, 6.0), COLLECTED)
    yield _leaking("staircase-12h", Staircase(12.0, 24.0), CALM)
    yield _leaking("staircase-3d", Staircase(3 * DAY, 4 * DAY), CALM, DAILY)
    yield _leaking("staircase-14d", Staircase(14 * DAY, 7 * DAY), NOISY, WEEKLY)
    yield _leaking("periodic-2h", Periodic(2.0, 6.0), CALM)
    yield _leaking("periodic-12h", Periodic(12.0, 24.0), NOISY)
    yield _leaking("periodic-3d", Periodic(3 * DAY, 4 * DAY), CALM)
    yield _leaking("periodic-14d", Periodic(14 * DAY, 7 * DAY), CALM, DAILY)
    yield _leaking("fragmentation-2h", Fragmentation(2.0, 6.0), CALM)
    yield _leaking("fragmentation-12h", Fragmentation(12.0, 24.0), SHIFTY)
    yield _leaking("fragmentation-3d", Fragmentation(3 * DAY, 4 * DAY), CALM, DAILY)
    yield _leaking("fragmentation-14d", Fragmentation(14 * DAY, 7 * DAY), NOISY)


def _one(name: str, tag: str, days: float, step: float, stage: Stage) -> Scenario:
    return Scenario(name, tag, days * DAY, step, (Member((stage,)),))


def _slow(name: str, background: tuple[Part, ...], leak: Leak) -> Scenario:
    return _one(f"slow-{name}", "slow", 20, 600.0, Stage((*background, leak)))


def _unusual_leaks() -> Iterable[Scenario]:
    """Yield leaks that used memory alone does not show, that stay small, or that come again."""
    yield _slow("linear", CALM, Linear(15 * DAY, 5 * DAY, limit_share=0.035))
    yield _slow("staircase", CALM, Staircase(15 * DAY, 5 * DAY, limit_share=0.035))
    yield _slow("fragmentation", COLLECTED, Fragmentation(15 * DAY, 5 * DAY, limit_share=0.035))
    endless = Linear(10 * DAY, 4 * DAY, limit_share=0.25)
    yield _one("never-reaches-the-limit", "unusual", 14, 600.0, Stage((*CALM, endless)))
    hidden = Stage((*CALM, Linear(2 * DAY, 3 * DAY)), file=(Cache(0.9, 6.0),))
    yield _one("leak-under-page-cache", "unusual", 6, 300.0, hidden)
    again = Stage((*WARMING, Linear(10.0, 24.0, kills=99)))
    yield _one("killed-again-and-again", "unusual", 4, 60.0, again)
    nightly = Stage((*WARMING, Linear(40.0, 48.0, kills=99)), restart_every=DAY)
    yield _one("restarted-every-night", "unusual", 7, 120.0, nightly)
    swapped = (Member((Stage((*CALM, Linear(2 * DAY, 2 * DAY, limit_share=1.1))),)),)
    yield Scenario("leak-into-swap", "unusual", 6 * DAY, 300.0, swapped, swap=0.5)
    gaps = (Member((Stage((*CALM, Linear(12.0, 24.0))),)),)
    yield Scenario("leak-with-gaps", "unusual", 48.0, 60.0, gaps, dropout=0.1, quantum=16 * MIB)


def _hard_negatives() -> Iterable[Scenario]:
    yield _clean("calm", 5, *CALM)
    yield _clean("noisy", 10, *NOISY, step=120.0)
    yield _clean("high-level", 8, *NOISY, Steady(0.5), traffic=DAILY, step=120.0)
    yield _clean("shifts", 8, *SHIFTY, step=120.0)
    yield _clean("warm-up", 2, *CALM, WarmUp(0.3, 3.0))
    yield _clean("slow-warm-up", 8, *CALM, WarmUp(0.35, 30.0), step=300.0)
    yield _clean("cache-fill", 4, *CALM, Cache(0.45, 20.0), traffic=DAILY, step=120.0)
    yield _clean("fill-then-stop", 3, *CALM, BulkLoad(0.3, 20.0, 5.0))
    yield _clean("daily", 8, Steady(0.2), Wander(0.008, 1.0), PerRequest(0.3), traffic=DAILY, step=120.0)
    yield _clean("weekly", 28, Steady(0.2), Wander(0.008, 1.0), PerRequest(0.3), traffic=WEEKLY, step=600.0)
    yield _clean("young-garbage", 2, *CALM, Garbage(0.25, 0.5))
    yield _clean("old-garbage", 8, *CALM, Garbage(0.45, 15.0), traffic=DAILY, step=120.0)
    yield _clean("hourly-batch", 3, *CALM, Batch(0.2, 1.0, 0.4))
    yield _clean("nightly-batch", 8, *CALM, Batch(0.4, DAY, 4.0), step=120.0)
    hump = Traffic(humps=((60.0, 16.0, 2.5),))
    yield _clean("traffic-hump", 5, Steady(0.2), Wander(0.006, 0.5), PerRequest(0.15), traffic=hump)
    scaled = Traffic(daily=0.6, autoscaled=True)
    yield _clean("autoscaled", 5, Steady(0.2), Wander(0.006, 0.5), PerRequest(0.4), traffic=scaled)
    files = Stage(CALM, file=(Cache(0.68, 40.0),))
    yield _one("clean-page-cache", "hard:page-cache", 4, 120.0, files)
    restarts = Stage((*WARMING, WarmUp(0.2, 3.0)), restart_every=9.0)
    yield _one("clean-restarts", "hard:restarts", 6, 60.0, restarts)
    bigger = (Stage(CALM, until=30.0), Stage((*CALM, Steady(0.18), WarmUp(0.1, 2.0)), version="v2"))
    yield Scenario("clean-deploy", "hard:deploy", 4 * DAY, 60.0, (Member(bigger),))
    arenas = (Member((Stage((*NOISY, Garbage(0.1, 3.0))),)),)
    yield Scenario(
        "clean-arenas", "hard:arenas", 5 * DAY, 120.0, arenas, DAILY, quantum=64 * MIB, dropout=0.05
    )


def _fleet(name: str, members: Iterable[Member], days: float = 4, traffic: Traffic = DAILY) -> Scenario:
    return Scenario(f"fleet-{name}", "fleet", days * DAY, 120.0, tuple(members), traffic)


def _deployed(at: float, *new: Part) -> Member:
    return Member((Stage(WARMING, until=at), Stage((*WARMING, *new), version="v2")))


def _fleets() -> Iterable[Scenario]:
    """Yield services of several instances; a deploy takes 20 min per instance."""
    plain = Member((Stage(WARMING),))
    leak = Linear(20.0, kills=99)
    yield _fleet("bad-version", (_deployed(40 + i / 3, leak) for i in range(6)))
    yield _fleet("good-version", (_deployed(40 + i / 3, Cache(0.3, 6.0)) for i in range(6)))
    yield _fleet("canary", (_deployed(40.0, leak), *[plain] * 5))
    yield _fleet("one-of-six", (Member((Stage((*WARMING, Linear(24.0, 48.0))),)), *[plain] * 5))
    young = (Member((Stage(WARMING),), born=30.0 + 4 * i, gone=70.0 + 4 * i) for i in range(4))
    yield _fleet("scale-out", (plain, plain, *young))


SCENARIOS: dict[str, Scenario] = {
    scenario.id: scenario
    for family in (_shapes(), _unusual_leaks(), _hard_negatives(), _fleets())
    for scenario in family
}
"""Every scenario by its id."""
