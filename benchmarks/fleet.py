"""A fleet in the product's own parts, and the snapshots that an agent publishes of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import median_seconds, seconds
from benchmarks.pipeline.load import INTERVAL_SECONDS, container
from fleetleak.records import encode
from fleetleak.settings import Settings
from fleetleak.stream import Key, Record
from processors.methods.ensemble import Methods
from processors.place.services import Services
from processors.scoring import Scoring

START = 1_700_000_000.0
LIMIT = 2**31
INSTANCE = "instance-0"
WINDOW = 250
WARM_SERVICES, WARM_TICKS = 300, 3 * WINDOW


def shares(rng: np.random.Generator, services: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return shares of the limit: one level per service with noise around it, no leaks."""
    level = 0.2 + 0.6 * (services % WARM_SERVICES) / WARM_SERVICES
    noisy: NDArray[np.float64] = level + rng.normal(0, 0.01, len(services))
    return noisy


def record(service: int, time: float, share: float, **changes: Any) -> Record:
    """Return the record of one snapshot of a container, as an agent publishes it, with fields changed."""
    name = f"service-{service}"
    snapshot = container(name, time, int(share * LIMIT))
    snapshot = msgspec.structs.replace(snapshot, instance=INSTANCE, **changes)
    return Record(0, 0, name.encode(), encode(snapshot), time)


def record_of(service: int, tick: int, share: float) -> Record:
    """Return the record of a service at a tick."""
    return record(service, START + tick * INTERVAL_SECONDS, share)


def records_of(rng: np.random.Generator, services: int, tick: int) -> Iterator[Record]:
    """Yield the records of a fleet: one per service and tick, each tick in another order."""
    for now in itertools.count(tick):
        order = rng.permutation(services)
        for service, share in zip(order.tolist(), shares(rng, order).tolist(), strict=True):
            yield record_of(service, now, share)


def key_of(service: int) -> Key:
    """Return the key of a service."""
    return Key(0, b"service-%d" % service)


def warm_states() -> list[bytes]:
    """Return stored states of services, each at another point of a window."""
    rng = np.random.default_rng(4)
    role = Scoring(Settings(), "scores")
    first = rng.integers(0, WINDOW, WARM_SERVICES)
    for tick in range(WARM_TICKS):
        known = np.flatnonzero(first <= tick)
        values = zip(known.tolist(), shares(rng, known).tolist(), strict=True)
        role.apply([record_of(service, tick, share) for service, share in values])
    return [state or b"" for state in role.dump([key_of(service) for service in range(WARM_SERVICES)])]


def services_of(role: Scoring) -> Services:
    """Return the services of the role, which hold its state."""
    return role.services


def restore(held: Services, states: list[bytes], services: int) -> None:
    """Load this many services, all of them into memory."""
    for service in range(services):
        held.load(key_of(service), states[service % len(states)])
        held.service(key_of(service))


def product(states: list[bytes], services: int) -> Scoring:
    """Return a scoring role that holds this many services."""
    role = Scoring(Settings(), "scores")
    restore(services_of(role), states, services)
    return role


def scoring_seconds(role: Scoring, batches: list[list[Record]]) -> float:
    """Return the time per record, in seconds, over batches newer than the state."""
    return seconds(lambda: [*map(role.apply, batches)]) / sum(map(len, batches))


class Models:
    """The learned models of the product, without its evidence."""

    def __init__(self, states: list[bytes], services: int) -> None:
        self.methods = Methods(Settings().processor)
        parts = self.methods.service_parts(), self.methods.instance_parts()
        self.held = Services(*parts, budget_bytes=1e12, forget_seconds=1e9)
        restore(self.held, states, services)
        held = [self.held.service(key_of(service)) for service in range(services)]
        self._rows = np.array([service.row for service in held])
        self._instance_rows = np.array([service.instances[INSTANCE] for service in held])

    def observe(self, at: NDArray[np.intp], memory: NDArray[np.float64]) -> object:
        """Score and learn one value for each of these services."""
        rows, no = (self._rows[at], self._instance_rows[at]), np.zeros(len(at), np.bool_)
        return self.methods.observe(*rows, memory, memory + 0.01, restarted=no, learn=~no, suspected=no)

    def seconds(self, batches: list[NDArray[np.intp]]) -> float:
        """Return the time per record, in seconds."""
        rng = np.random.default_rng(7)
        values = [shares(rng, at) for at in batches]
        records = sum(len(at) for at in batches)
        return median_seconds(lambda: [*map(self.observe, batches, values)]) / records
