"""Models of the fleet against River's: speed, memory and checkpoints.

`python -m benchmarks.models [--json]`. Every ratio is to River in the same run, in processor time,
measured in turns; River holds as many models as fit (300 half-space trees take 360 MB). Checkpoints,
memory and whole scoring are the product's own parts, held by its Services; "with evidence" is all that
it keeps, otherwise the learned models alone. Takes about ten minutes and 4 GB.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from river import anomaly, drift

from benchmarks.common import median_seconds, ratio, report, resident_bytes, seconds
from benchmarks.pipeline.load import INTERVAL_SECONDS, container
from fleetleak.kafka.runtime import Key, Record
from fleetleak.records import encode
from fleetleak.settings import Settings
from processors.methods import Methods
from processors.models import SNARIMAX, HalfSpaceTrees
from processors.scoring import Scoring
from processors.services import Services

SERVICES, BATCH = 20_000, 1_000
RIVER_TREES, RIVER_FORECASTERS = 300, 2_000
WINDOW = 250
START = 1_700_000_000.0
LIMIT = 2**31
INSTANCE = "instance-0"
WARM_SERVICES, WARM_TICKS = 300, 3 * WINDOW


def series(rng: np.random.Generator, records: int, services: int) -> NDArray[np.float64]:
    """Make fractions of a limit: a level a service, and noise with memory around it."""
    level = rng.uniform(0.2, 0.8, services)
    noise = np.zeros((records, services))
    for t in range(1, records):
        noise[t] = 0.9 * noise[t - 1] + rng.normal(0, 0.005, services)
    return np.clip(level + noise, 0.0, 1.0)


def _batches(rng: np.random.Generator, count: int, services: int, size: int) -> list[tuple[Any, Any]]:
    x = rng.normal(0.5, 0.05, (count, size, 1))
    return [(rng.permutation(services)[:size], x[i]) for i in range(count)]


def _per_record(model: Any, batches: list[tuple[Any, Any]]) -> float:
    records = sum(len(rows) for rows, _ in batches)
    return seconds(lambda: [model.score_learn(rows, x) for rows, x in batches]) / records


def _each(rng: np.random.Generator, models: int, one: Callable[[int, float], None]) -> float:
    """Give the time of a record when River's models take turns at random."""
    order = rng.integers(0, models, 5_000).tolist()
    values = rng.normal(0.5, 0.05, 5_000).tolist()

    def work() -> None:
        for i, value in zip(order, values, strict=True):
            one(i, value)

    return seconds(work) / len(order)


def _warm(model: Any, rng: np.random.Generator, services: int, records: int) -> None:
    """Fill every row past its first window, each up to a different point of the next."""
    extra = rng.integers(0, WINDOW, services)
    for begin in range(0, services, 5_000):
        rows = np.arange(begin, min(begin + 5_000, services))
        for t in range(records):
            now = rows[t < records - extra[rows]]
            model.score_learn(now, rng.normal(0.5, 0.05, (len(now), 1)))


def half_space_trees() -> dict[str, float]:
    """Compare half-space trees, all past the first window."""
    rng = np.random.default_rng(1)
    fleet = HalfSpaceTrees(SERVICES, seed=1)
    _warm(fleet, rng, SERVICES, 2 * WINDOW)
    rivers = [anomaly.HalfSpaceTrees(seed=1) for _ in range(RIVER_TREES)]
    for river in rivers:
        for value in rng.normal(0.5, 0.05, WINDOW + int(rng.integers(WINDOW))).tolist():
            river.learn_one({"f0": value})  # type: ignore[no-untyped-call]

    def one(i: int, value: float) -> None:
        x = {"f0": value}
        rivers[i].score_one(x)  # type: ignore[no-untyped-call]
        rivers[i].learn_one(x)  # type: ignore[no-untyped-call]

    def theirs() -> float:
        return _each(rng, RIVER_TREES, one)

    found = ratio(theirs, lambda: _per_record(fleet, _batches(rng, 300, SERVICES, BATCH)))
    return {"hst_ratio": found[0], "hst_river_us": found[1] * 1e6, "hst_us": found[2] * 1e6}


def snarimax() -> dict[str, float]:
    """Compare SNARIMAX(3, 1, 2), both with the stable regressor."""
    rng = np.random.default_rng(2)
    fleet = SNARIMAX(SERVICES, p=3, d=1, q=2)
    for _ in range(10):
        fleet.score_learn(np.arange(SERVICES), rng.normal(0.5, 0.05, (SERVICES, 1)))
    rivers = [fleet.to_river(row) for row in range(RIVER_FORECASTERS)]

    def one(i: int, value: float) -> None:
        rivers[i].forecast(1)  # type: ignore[no-untyped-call]
        rivers[i].learn_one(value)  # type: ignore[no-untyped-call]

    def theirs() -> float:
        return _each(rng, RIVER_FORECASTERS, one)

    found = ratio(theirs, lambda: _per_record(fleet, _batches(rng, 300, SERVICES, BATCH)))
    return {"snarimax_ratio": found[0], "snarimax_river_us": found[1] * 1e6, "snarimax_us": found[2] * 1e6}


def _record(service: int, tick: int, share: float) -> Record:
    """Give the record of one snapshot, as an agent publishes it of a container."""
    name, time = f"service-{service}", START + tick * INTERVAL_SECONDS
    one = msgspec.structs.replace(container(name, time, int(share * LIMIT)), instance=INSTANCE)
    return Record(0, 0, name.encode(), encode(one), time)


def _records(rng: np.random.Generator, services: int, tick: int) -> Iterator[Record]:
    """Give the records of a fleet, one a service and tick, every tick in another order."""
    for now in itertools.count(tick):
        shares = rng.normal(0.5, 0.005, services)
        for service in rng.permutation(services).tolist():
            yield _record(service, now, shares[service])


class _Naive:
    """The loop one writes first: a dictionary of River objects a service."""

    def __init__(self, services: int) -> None:
        forecaster = SNARIMAX(1, p=3, d=1, q=2)
        self._models = {
            f"service-{i}": (anomaly.HalfSpaceTrees(seed=1), forecaster.to_river(0), drift.ADWIN())  # type: ignore[no-untyped-call]
            for i in range(services)
        }

    def score(self, message: bytes) -> bytes:
        record = orjson.loads(message)
        trees, forecaster, adwin = self._models[record["service"]]
        value = record["anon"] / record["limit"]
        x = {"f0": value}
        odd = trees.score_one(x)  # type: ignore[no-untyped-call]
        trees.learn_one(x)  # type: ignore[no-untyped-call]
        surprise = abs(forecaster.forecast(1)[0] - value)  # type: ignore[no-untyped-call]
        forecaster.learn_one(value)  # type: ignore[no-untyped-call]
        adwin.update(value)  # type: ignore[no-untyped-call]
        methods = {"half_space_trees": {"raw": odd}, "snarimax": {"raw": surprise}}
        found = {"schema": "score/1", "service": record["service"], "instance": record["instance"]}
        drifts = ["adwin"] if adwin.drift_detected else []
        return orjson.dumps({**found, "time": record["timestamp"], "methods": methods, "drift": drifts})


def _key(service: int) -> Key:
    return Key(0, b"service-%d" % service)


def warm_states() -> list[bytes]:
    """Give whole states of services as the product stores them, each at another point of a window."""
    rng = np.random.default_rng(4)
    role = Scoring(Settings(), "scores")
    first = rng.integers(0, WINDOW, WARM_SERVICES)
    for tick, shares in enumerate(series(rng, WARM_TICKS, WARM_SERVICES)):
        known = np.flatnonzero(first <= tick).tolist()
        role.apply([_record(service, tick, shares[service]) for service in known])
    return [role.dump(_key(service)) or b"" for service in range(WARM_SERVICES)]


def _services_of(role: Scoring) -> Services:
    return role._services  # noqa: SLF001 - only the benchmark looks inside


def _restore(held: Services, states: list[bytes], services: int) -> None:
    """Hold so many services, all of them in memory."""
    for service in range(services):
        held.load(_key(service), states[service % len(states)])
        held.service(_key(service))


def _product(states: list[bytes], services: int) -> Scoring:
    role = Scoring(Settings(), "scores")
    _restore(_services_of(role), states, services)
    return role


class _Models:
    """The learned models of the product, without its evidence."""

    def __init__(self, states: list[bytes], services: int) -> None:
        self.methods = Methods(Settings().processor)
        parts = self.methods.service_parts(), self.methods.instance_parts()
        self.held = Services(*parts, budget_bytes=1e12, forget_seconds=1e9)
        _restore(self.held, states, services)
        found = [self.held.service(_key(service)) for service in range(services)]
        self._rows = np.array([service.row for service in found])
        self._instance_rows = np.array([service.instances[INSTANCE].row for service in found])

    def observe(self, at: NDArray[np.intp], memory: NDArray[np.float64]) -> None:
        """Score and learn one value of each of these services."""
        rows, no = (self._rows[at], self._instance_rows[at]), np.zeros(len(at), np.bool_)
        self.methods.observe(*rows, memory, memory + 0.01, restarted=no, learn=~no)


def whole_scoring(states: list[bytes]) -> dict[str, float]:
    """Compare bytes in to bytes out: the product's scoring role, evidence included."""
    rng = np.random.default_rng(3)
    naive = _Naive(RIVER_TREES)
    values = (record.value or b"" for record in _records(rng, RIVER_TREES, WARM_TICKS))
    for value in itertools.islice(values, RIVER_TREES * 280):
        naive.score(value)
    role = _product(states, SERVICES)
    records = _records(rng, SERVICES, WARM_TICKS)
    role.apply(list(itertools.islice(records, SERVICES)))

    def theirs() -> float:
        messages = list(itertools.islice(values, 3_000))
        return seconds(lambda: [naive.score(message) for message in messages]) / 3_000

    def ours() -> float:
        batches = [list(itertools.islice(records, BATCH)) for _ in range(30)]
        return seconds(lambda: [role.apply(batch) for batch in batches]) / (30 * BATCH)

    found = ratio(theirs, ours)
    return {"scoring_ratio": found[0], "scoring_river_us": found[1] * 1e6, "scoring_us": found[2] * 1e6}


def _checkpoint(held: Services) -> tuple[float, float, float]:
    """Give the median size of a stored service, and the microseconds to write and to read one."""
    keys = [_key(service) for service in range(WARM_SERVICES)]
    states = [held.dump(key) or b"" for key in keys]
    encode_s = median_seconds(lambda: [held.dump(key) for key in keys])
    decode_s = median_seconds(lambda: _restore(held, states, WARM_SERVICES))
    size = float(np.median([len(state) for state in states]))
    return size, encode_s / len(keys) * 1e6, decode_s / len(keys) * 1e6


def checkpoints(states: list[bytes]) -> dict[str, float]:
    """Measure stored services, and what a restore of 10,000 does before their next records."""
    models = _checkpoint(_Models(states, WARM_SERVICES).held)
    role = _product(states, WARM_SERVICES)
    whole = _checkpoint(_services_of(role))

    def restore() -> None:
        for service in range(10_000):
            role.load(_key(service), states[service % len(states)])

    names = "checkpoint{}_bytes", "encode{}_us", "decode{}_us"
    return {
        **{name.format(""): figure for name, figure in zip(names, models, strict=True)},
        **{name.format("_with_evidence"): figure for name, figure in zip(names, whole, strict=True)},
        "restore_10k_s": median_seconds(restore),
    }


def hold_models(states: list[bytes], services: int) -> dict[str, float]:
    """Hold the models of a fleet in this process: memory a service, and what a record costs."""
    rng = np.random.default_rng(5)
    before = resident_bytes()
    models = _Models(states, services)
    for at in np.array_split(np.arange(services), services // BATCH):
        models.observe(at, rng.normal(0.5, 0.005, len(at)))
    held = (resident_bytes() - before) / services
    batches = [(rng.permutation(services)[:BATCH], rng.normal(0.5, 0.005, BATCH)) for _ in range(100)]
    cost = median_seconds(lambda: [models.observe(*batch) for batch in batches])
    return {"bytes": held, "us": cost / (100 * BATCH) * 1e6}


def hold_all(states: list[bytes], services: int) -> dict[str, float]:
    """Hold all that the product keeps of a fleet: memory a service, and what a record costs."""
    rng = np.random.default_rng(5)
    before = resident_bytes()
    role = _product(states, services)
    records = _records(rng, services, WARM_TICKS)
    for _ in range(services // BATCH):
        role.apply(list(itertools.islice(records, BATCH)))
    held = (resident_bytes() - before) / services
    costs = []
    for _ in range(100):
        batch = list(itertools.islice(records, BATCH))
        costs.append(seconds(lambda batch=batch: role.apply(batch)))  # type: ignore[misc]
    return {"bytes": held, "us": float(np.median(costs)) / BATCH * 1e6}


HOLD: dict[str, Callable[[list[bytes], int], dict[str, float]]] = {"models": hold_models, "all": hold_all}


def _child(what: str, states: list[bytes], services: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.models", "--hold", what, "--services", str(services)]
    done = subprocess.run(command, check=True, capture_output=True, input=msgspec.msgpack.encode(states))
    found: dict[str, float] = json.loads(done.stdout)
    return found


def memory_and_growth(states: list[bytes]) -> dict[str, float]:
    """Compare processes of their own that hold 1,000 and 100,000 services."""
    small, large = (_child("models", states, services) for services in (1_000, 100_000))
    small_all, large_all = (_child("all", states, services) for services in (1_000, 100_000))
    return {
        "bytes_per_service": large["bytes"],
        "growth_1k_to_100k": large["us"] / small["us"],
        "all_models_1k_us": small["us"],
        "all_models_100k_us": large["us"],
        "bytes_per_service_with_evidence": large_all["bytes"],
        "scoring_growth_1k_to_100k": large_all["us"] / small_all["us"],
        "scoring_1k_us": small_all["us"],
        "scoring_100k_us": large_all["us"],
    }


def small_batches(states: list[bytes]) -> dict[str, float]:
    """Measure whole scoring of batches of one record, and of one key a thousand times."""
    role = _product(states, 2_000)
    ticks = itertools.count(WARM_TICKS)

    def one() -> float:
        batches = [
            [_record(service, tick, 0.5)] for tick in itertools.islice(ticks, 1) for service in range(500)
        ]
        return seconds(lambda: [role.apply(batch) for batch in batches]) / 500

    def hot() -> float:
        batch = [_record(1_000, tick, 0.5) for tick in itertools.islice(ticks, BATCH)]
        return seconds(lambda: role.apply(batch)) / BATCH

    found = ratio(one, hot)
    return {"batch_of_1_us": found[1] * 1e6, "hot_key_us": found[2] * 1e6}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--hold", choices=sorted(HOLD), help=argparse.SUPPRESS)
    parser.add_argument("--services", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hold:
        states = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[bytes])
        print(json.dumps(HOLD[arguments.hold](states, arguments.services)))
        return
    states = warm_states()
    with_states = (whole_scoring, checkpoints, memory_and_growth, small_batches)
    figures = half_space_trees() | snarimax()
    for part in with_states:
        figures |= part(states)
    report(figures, arguments.json)


if __name__ == "__main__":
    main()
