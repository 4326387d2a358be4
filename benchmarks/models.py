"""Models of the fleet against River's: speed, memory and checkpoints.

`python -m benchmarks.models [--json]`. Every ratio is to River in the same run, in processor time,
measured in turns; River holds as many models as fit (300 half-space trees take 360 MB). Takes about five
minutes and 3 GB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from river import anomaly, drift

from benchmarks.common import median_seconds, ratio, report, resident_bytes, seconds
from fleetleak.records import Decoder, Method, Score, Snapshot, encode
from processors.bank import ModelBank
from processors.calibration import Calibration
from processors.models import (
    ADWIN,
    SNARIMAX,
    EWStats,
    GaussianScorer,
    HalfSpaceTrees,
    MinMaxScaler,
    PageHinkley,
    StandardScaler,
)

SERVICES, BATCH = 20_000, 1_000
RIVER_TREES, RIVER_FORECASTERS = 300, 2_000
WINDOW = 250
TOTAL = 2**33

Fleet = dict[str, Any]
FLEET: dict[str, Callable[[int], Any]] = {
    "half_space_trees": HalfSpaceTrees,
    "snarimax": lambda capacity: SNARIMAX(capacity, p=3, d=1, q=2),
    "ew_stats": EWStats,
    "gaussian_scorer": GaussianScorer,
    "min_max_scaler": MinMaxScaler,
    "standard_scaler": StandardScaler,
    "page_hinkley": lambda capacity: PageHinkley(capacity, threshold=0.5),
    "adwin": ADWIN,
    "half_space_trees_p": Calibration,
    "snarimax_p": Calibration,
}


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


def _snapshots(rng: np.random.Generator, services: int, count: int) -> list[bytes]:
    keys = rng.permutation(services)[:count] if count <= services else rng.integers(0, services, count)
    return [
        encode(
            Snapshot(
                service=f"service-{key}",
                instance=f"service-{key}/1",
                timestamp=1.7e9,
                total=TOTAL,
                used=int(TOTAL * min(max(rng.normal(0.5, 0.05), 0), 1)),
            )
        )
        for key in keys
    ]


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
        value = record["used"] / record["total"]
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


class _Columns:
    """Decode, fractions, both models, drift, one score a record."""

    def __init__(self, services: int, rng: np.random.Generator) -> None:
        self._rows = {f"service-{i}": i for i in range(services)}
        self._decode = Decoder(Snapshot).decode
        self._trees = HalfSpaceTrees(services, seed=1)
        self._forecaster = SNARIMAX(services, p=3, d=1, q=2)
        self._adwin = ADWIN(services)
        for model, records in ((self._trees, 2 * WINDOW), (self._forecaster, 10), (self._adwin, 10)):
            _warm(model, rng, services, records)

    def score(self, messages: list[bytes]) -> list[bytes]:
        records = [self._decode(message) for message in messages]
        rows = np.array([self._rows[record.service] for record in records])
        used = np.array([record.used for record in records], dtype=np.float64)
        x = (used / np.array([record.total for record in records], dtype=np.float64))[:, None]
        odd = self._trees.score_learn(rows, x)
        surprise = np.abs(self._forecaster.score_learn(rows, x) - x[:, 0])
        flags = self._adwin.score_learn(rows, x)
        columns = zip(records, odd.tolist(), surprise.tolist(), flags.tolist(), strict=True)
        return [
            encode(
                Score(
                    service=record.service,
                    instance=record.instance,
                    time=record.timestamp,
                    input_partition=0,
                    input_offset=offset,
                    methods={"half_space_trees": Method(raw=a), "snarimax": Method(raw=b)},
                    drift=["adwin"] if flag else [],
                )
            )
            for offset, (record, a, b, flag) in enumerate(columns)
        ]


def whole_scoring() -> dict[str, float]:
    """Compare bytes in to bytes out."""
    rng = np.random.default_rng(3)
    naive = _Naive(RIVER_TREES)
    for message in _snapshots(rng, RIVER_TREES, RIVER_TREES * 280):
        naive.score(message)
    columns = _Columns(SERVICES, rng)

    def theirs() -> float:
        messages = _snapshots(rng, RIVER_TREES, 3_000)
        return seconds(lambda: [naive.score(message) for message in messages]) / 3_000

    def ours() -> float:
        batches = [_snapshots(rng, SERVICES, BATCH) for _ in range(30)]
        return seconds(lambda: [columns.score(batch) for batch in batches]) / (30 * BATCH)

    found = ratio(theirs, ours)
    return {"scoring_ratio": found[0], "scoring_river_us": found[1] * 1e6, "scoring_us": found[2] * 1e6}


def checkpoints() -> dict[str, float]:
    """Measure whole states of services, all models, in the middle of a window."""
    services, records = 300, 2 * WINDOW + WINDOW // 2
    bank = ModelBank(FLEET, budget_bytes=services * 30_000, forget_after=1e9)
    keys = [f"service-{i}" for i in range(services)]
    for t, x in enumerate(series(np.random.default_rng(4), records, services)):
        for piece, rows in bank.place(keys, [float(t)] * services):
            for model in bank.models.values():
                model.score_learn(rows, x[piece, None])
    states = [bank.dump(key) for key in keys]
    encode_s = median_seconds(lambda: [bank.dump(key) for key in keys])

    def load() -> None:
        for key, state in zip(keys, states, strict=True):
            bank.load(key, state)

    decode_s = median_seconds(load)
    return {
        "checkpoint_bytes": float(np.median([len(state) for state in states])),
        "encode_us": encode_s / services * 1e6,
        "decode_us": decode_s / services * 1e6,
    }


def _score_all(fleet: Fleet, batches: list[tuple[Any, Any]]) -> None:
    for rows, x in batches:
        for model in fleet.values():
            model.score_learn(rows, x)


def _fleet(services: int, rng: np.random.Generator) -> Fleet:
    """Hold a fleet whose every row has been used: one window and a bit, so that no page is untouched."""
    fleet = {name: make(services) for name, make in FLEET.items()}
    for x in series(rng, WINDOW + 50, services):
        for begin in range(0, services, 5_000):
            rows = np.arange(begin, min(begin + 5_000, services))
            _score_all(fleet, [(rows, x[rows, None])])
    return fleet


def _cost(fleet: Fleet, rng: np.random.Generator, services: int) -> float:
    batches = _batches(rng, 100, services, BATCH)
    return median_seconds(lambda: _score_all(fleet, batches)) / (100 * BATCH)


def large_fleet(services: int) -> dict[str, float]:
    """Hold a fleet in this process: its memory a service, and what a record costs."""
    rng = np.random.default_rng(5)
    before = resident_bytes()
    fleet = _fleet(services, rng)
    held = (resident_bytes() - before) / services
    return {"bytes": held, "us": _cost(fleet, rng, services) * 1e6}


def _child(services: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.models", "--hold", str(services)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def memory_and_growth() -> dict[str, float]:
    """Compare processes of their own that hold 1,000 and 100,000 services."""
    small, large = _child(1_000), _child(100_000)
    return {
        "bytes_per_service": large["bytes"],
        "growth_1k_to_100k": large["us"] / small["us"],
        "all_models_1k_us": small["us"],
        "all_models_100k_us": large["us"],
    }


def small_batches() -> dict[str, float]:
    """Measure batches of one record, and of one key a thousand times: all models."""
    rng = np.random.default_rng(6)
    fleet = _fleet(2_000, rng)
    one = [(np.array([row]), np.array([[0.5]])) for row in rng.integers(0, 2_000, 500)]
    hot = np.zeros(BATCH, np.intp), rng.normal(0.5, 0.05, (BATCH, 1))
    return {
        "batch_of_1_us": median_seconds(lambda: _score_all(fleet, one)) / 500 * 1e6,
        "hot_key_us": median_seconds(lambda: _score_all(fleet, [hot])) / BATCH * 1e6,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--hold", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hold:
        print(json.dumps(large_fleet(arguments.hold)))
        return
    parts = (half_space_trees, snarimax, whole_scoring, checkpoints, memory_and_growth, small_batches)
    report({name: figure for part in parts for name, figure in part().items()}, arguments.json)


if __name__ == "__main__":
    main()
