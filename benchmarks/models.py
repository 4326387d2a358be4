"""The models of the fleet compared with River's: speed, memory and checkpoints.

`python -m benchmarks.models [--json]`. Every ratio compares with River in the same run, in processor time,
measured in turns. River holds as many models as fit (300 half-space trees take 360 MB). Checkpoints, memory
and whole scoring use the product's own parts, in its Services. "With evidence" is the whole state, otherwise
only the learned models. `memory_bytes_per_service` is of the whole state, too. Takes about ten minutes and
4 GB.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import orjson
from river import anomaly, drift

from benchmarks.common import median_seconds, ratio, report, resident_bytes, seconds
from benchmarks.fleet import (
    WARM_SERVICES,
    WARM_TICKS,
    WINDOW,
    Models,
    key_of,
    product,
    record_of,
    records_of,
    restore,
    scoring_seconds,
    services_of,
    shares,
    warm_states,
)
from benchmarks.models_alone import ModelsAlone
from processors.models import SNARIMAX, HalfSpaceTrees
from processors.models.conversion import to_river
from processors.place.services import Services

SERVICES, BATCH = 20_000, 1_000
RIVER_TREES, RIVER_FORECASTERS = 300, 2_000


def _batches(rng: np.random.Generator, count: int, services: int, size: int) -> list[tuple[Any, Any]]:
    x = rng.normal(0.5, 0.05, (count, size, 1))
    return [(rng.permutation(services)[:size], x[i]) for i in range(count)]


def _per_record(model: Any, batches: list[tuple[Any, Any]]) -> float:
    records = sum(len(rows) for rows, _ in batches)
    return seconds(lambda: [model.score_learn(rows, x) for rows, x in batches]) / records


def _each(rng: np.random.Generator, models: int, one: Callable[[int, float], None]) -> float:
    """Return the time per record, in seconds, over River models in random order."""
    order = rng.integers(0, models, 5_000).tolist()
    values = rng.normal(0.5, 0.05, 5_000).tolist()

    def work() -> None:
        for i, value in zip(order, values, strict=True):
            one(i, value)

    return seconds(work) / len(order)


def _warm(model: Any, rng: np.random.Generator, services: int, records: int) -> None:
    """Fill the first window of every row, and the next one up to a different point for each."""
    extra = rng.integers(0, WINDOW, services)
    for begin in range(0, services, 5_000):
        rows = np.arange(begin, min(begin + 5_000, services))
        for t in range(records):
            now = rows[t < records - extra[rows]]
            model.score_learn(now, rng.normal(0.5, 0.05, (len(now), 1)))


def half_space_trees() -> dict[str, float]:
    """Compare half-space trees, all after the first window."""
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

    times, river_s, our_s = ratio(theirs, lambda: _per_record(fleet, _batches(rng, 300, SERVICES, BATCH)))
    return {"hst_ratio": times, "hst_river_us": river_s * 1e6, "hst_us": our_s * 1e6}


def snarimax() -> dict[str, float]:
    """Compare SNARIMAX(3, 1, 2), both with the stable regressor."""
    rng = np.random.default_rng(2)
    fleet = SNARIMAX(SERVICES, p=3, d=1, q=2)
    for _ in range(10):
        fleet.score_learn(np.arange(SERVICES), rng.normal(0.5, 0.05, (SERVICES, 1)))
    rivers = [to_river(fleet, row) for row in range(RIVER_FORECASTERS)]

    def one(i: int, value: float) -> None:
        rivers[i].forecast(1)
        rivers[i].learn_one(value)

    def theirs() -> float:
        return _each(rng, RIVER_FORECASTERS, one)

    times, river_s, our_s = ratio(theirs, lambda: _per_record(fleet, _batches(rng, 300, SERVICES, BATCH)))
    return {"snarimax_ratio": times, "snarimax_river_us": river_s * 1e6, "snarimax_us": our_s * 1e6}


class _Naive:
    """The loop that one writes first: a dictionary of River objects per service."""

    def __init__(self, services: int) -> None:
        forecaster = SNARIMAX(1, p=3, d=1, q=2)
        self._models = {
            f"service-{i}": (anomaly.HalfSpaceTrees(seed=1), to_river(forecaster, 0), drift.ADWIN())  # type: ignore[no-untyped-call]
            for i in range(services)
        }

    def score(self, message: bytes) -> bytes:
        record = orjson.loads(message)
        trees, forecaster, adwin = self._models[record["service"]]
        value = record["anon"] / record["limit"]
        x = {"f0": value}
        odd = trees.score_one(x)  # type: ignore[no-untyped-call]
        trees.learn_one(x)  # type: ignore[no-untyped-call]
        surprise = abs(forecaster.forecast(1)[0] - value)
        forecaster.learn_one(value)
        adwin.update(value)  # type: ignore[no-untyped-call]
        methods = {"half_space_trees": {"raw": odd}, "snarimax": {"raw": surprise}}
        score = {"schema": "score/1", "service": record["service"], "instance": record["instance"]}
        drifts = ["adwin"] if adwin.drift_detected else []
        return orjson.dumps({**score, "time": record["timestamp"], "methods": methods, "drift": drifts})


def whole_scoring(states: list[bytes]) -> dict[str, float]:
    """Compare scoring from bytes to bytes: with the models alone, and with the product's whole role."""
    rng = np.random.default_rng(3)
    naive = _Naive(RIVER_TREES)
    values = (one.value or b"" for one in records_of(rng, RIVER_TREES, WARM_TICKS))
    for value in itertools.islice(values, RIVER_TREES * 280):
        naive.score(value)
    role = product(states, SERVICES)
    records = records_of(rng, SERVICES, WARM_TICKS)
    role.apply(list(itertools.islice(records, SERVICES)))

    def theirs() -> float:
        messages = list(itertools.islice(values, 3_000))
        return seconds(lambda: [naive.score(message) for message in messages]) / 3_000

    def ours() -> float:
        return scoring_seconds(role, [list(itertools.islice(records, BATCH)) for _ in range(30)])

    alone = ModelsAlone(SERVICES)
    alone.warm(rng, SERVICES, 2 * WINDOW + 10)

    def models_alone() -> float:
        return alone.seconds([list(itertools.islice(records, BATCH)) for _ in range(30)])

    models, whole = ratio(theirs, models_alone), ratio(theirs, ours)
    return {
        "scoring_ratio": models[0],
        "scoring_river_us": models[1] * 1e6,
        "scoring_us": models[2] * 1e6,
        "product_scoring_ratio": whole[0],
        "product_scoring_us": whole[2] * 1e6,
    }


def _checkpoint(held: Services) -> tuple[float, float, float]:
    """Return the median size of a stored service, in bytes, and the microseconds to write and to read one."""
    keys = [key_of(service) for service in range(WARM_SERVICES)]
    states = [held.dump(key) or b"" for key in keys]
    encode_s = median_seconds(lambda: [held.dump(key) for key in keys])

    def read() -> float:
        for key in keys:
            held.remove(key)
        return seconds(lambda: restore(held, states, WARM_SERVICES))

    decode_s = statistics.median(read() for _ in range(5))
    size = statistics.median(len(state) for state in states)
    return size, encode_s / len(keys) * 1e6, decode_s / len(keys) * 1e6


def checkpoints(states: list[bytes]) -> dict[str, float]:
    """Measure stored services, and the restore of 10,000 of them without their next records."""
    models = _checkpoint(Models(states, WARM_SERVICES).held)
    role = product(states, WARM_SERVICES)
    whole = _checkpoint(services_of(role))

    def restore() -> None:
        for service in range(10_000):
            role.load(key_of(service), states[service % len(states)])

    names = "checkpoint{}_bytes", "encode{}_us", "decode{}_us"
    return {
        **{name.format(""): figure for name, figure in zip(names, models, strict=True)},
        **{name.format("_with_evidence"): figure for name, figure in zip(names, whole, strict=True)},
        "restore_10k_s": median_seconds(restore),
    }


def hold_models(states: list[bytes], services: int) -> dict[str, float]:
    """Return memory per service and time per record, with only the models of a fleet in this process."""
    rng = np.random.default_rng(5)
    before = resident_bytes()
    models = Models(states, services)
    for at in np.array_split(np.arange(services), services // BATCH):
        models.observe(at, shares(rng, at))
    held = (resident_bytes() - before) / services
    cost = models.seconds([rng.permutation(services)[:BATCH] for _ in range(100)])
    return {"bytes": held, "us": cost * 1e6}


def hold_all(states: list[bytes], services: int) -> dict[str, float]:
    """Return memory per service and time per record, with the whole state of a fleet in this process."""
    rng = np.random.default_rng(5)
    before = resident_bytes()
    role = product(states, services)
    records = records_of(rng, services, WARM_TICKS)
    for _ in range(services // BATCH):
        role.apply(list(itertools.islice(records, BATCH)))
    held = (resident_bytes() - before) / services
    batches = [list(itertools.islice(records, BATCH)) for _ in range(100)]
    return {"bytes": held, "us": scoring_seconds(role, batches) * 1e6}


HOLD: dict[str, Callable[[list[bytes], int], dict[str, float]]] = {"models": hold_models, "all": hold_all}


def _child(what: str, states: list[bytes], services: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.models", "--hold", what, "--services", str(services)]
    done = subprocess.run(command, check=True, capture_output=True, input=msgspec.msgpack.encode(states))
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def memory_and_growth(states: list[bytes]) -> dict[str, float]:
    """Compare processes that hold 1,000 and 100,000 services."""
    small, large = (_child("models", states, services) for services in (1_000, 100_000))
    small_all, large_all = (_child("all", states, services) for services in (1_000, 100_000))
    return {
        "bytes_per_service": large["bytes"],
        "growth_1k_to_100k": large["us"] / small["us"],
        "all_models_1k_us": small["us"],
        "all_models_100k_us": large["us"],
        "memory_bytes_per_service": large_all["bytes"],
        "scoring_growth_1k_to_100k": large_all["us"] / small_all["us"],
        "scoring_1k_us": small_all["us"],
        "scoring_100k_us": large_all["us"],
    }


def small_batches(states: list[bytes]) -> dict[str, float]:
    """Measure batches of one record, and of a thousand records of one key: models, and whole scoring."""
    services = 500
    models, role = Models(states, services), product(states, services)
    records = records_of(np.random.default_rng(6), services, WARM_TICKS)
    one = [[record] for record in itertools.islice(records, 2 * services)]
    hot = [record_of(0, tick, 0.2) for tick in range(WARM_TICKS + 2, WARM_TICKS + 2 + BATCH)]
    figures = {
        "batch_of_1_us": models.seconds([*np.arange(services)[:, None]]),
        "hot_key_us": models.seconds([np.zeros(BATCH, np.intp)]),
        "batch_of_1_scoring_us": scoring_seconds(role, one),
        "hot_key_scoring_us": scoring_seconds(role, [hot]),
    }
    return {name: figure * 1e6 for name, figure in figures.items()}


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
