"""Plain River objects behind the fleet's interface, and their state without pickle."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import anomaly, base, preprocessing, time_series

from processors.models.codec import CorruptState, seal
from processors.models.conversion import from_river
from processors.models.river import RiverModel
from processors.models.river.state import encode
from processors.models.river.state_reader import decode
from tests.models.parity import ROWS, compare, named
from tests.models.streams import STREAMS, Stream, random


def forecaster() -> Any:
    return anomaly.PredictiveAnomalyDetection(time_series.SNARIMAX(2, 1, 1), warmup_period=5)


DETECTORS: dict[str, Any] = {
    "trees": lambda: anomaly.HalfSpaceTrees(3, 4, 20, seed=1),
    "pipeline": lambda: preprocessing.StandardScaler() | anomaly.OneClassSVM(),
    "filter": lambda: anomaly.QuantileFilter(anomaly.OneClassSVM(), 0.9),
    "projections": lambda: anomaly.LODA(seed=1),
}
SUPERVISED: dict[str, Any] = {
    "gaussian": lambda: anomaly.GaussianScorer(9, 5),  # type: ignore[no-untyped-call]
    "deviation": anomaly.StandardAbsoluteDeviation,
    "forecaster": forecaster,
}


def observe(river: Any, record: list[float]) -> float:
    score = float(river.score_one(named(record)))
    river.learn_one(named(record))
    return score


def observe_target(river: Any, record: list[float]) -> float:
    score = float(river.score_one({}, record[0]))
    river.learn_one({}, record[0])
    return score


@pytest.mark.parametrize("make", DETECTORS.values(), ids=DETECTORS)
@pytest.mark.parametrize("stream", list(STREAMS.values())[:1], ids=list(STREAMS)[:1])
def test_scores_are_rivers(stream: Stream, make: Any) -> None:
    compare(RiverModel(ROWS, model=make(), features=2), observe, stream, seed=1, records=200)


@pytest.mark.parametrize("make", SUPERVISED.values(), ids=SUPERVISED)
def test_scores_of_a_target_are_rivers(make: Any) -> None:
    compare(RiverModel(ROWS, model=make()), observe_target, random, seed=1, records=300)


@pytest.mark.parametrize("make", [*DETECTORS.values(), *SUPERVISED.values()], ids=[*DETECTORS, *SUPERVISED])
def test_stored_objects_continue_identically(make: Any) -> None:
    features = 2 if make in DETECTORS.values() else 1
    model, restored = (RiverModel(2, model=make(), features=features) for _ in range(2))
    for seed in range(2):
        rows, x = random(np.random.default_rng(seed), 40, 2, features)
        model.score_learn(rows, x)
        for row in range(2):
            restored.load(row, model.dump(row))
            assert restored.dump(row) == model.dump(row)
        np.testing.assert_array_equal(restored.score(rows, x), model.score(rows, x))


class Outside(base.AnomalyDetector):
    def learn_one(self, x: dict[Any, Any]) -> None:
        pass

    def score_one(self, x: dict[Any, Any]) -> float:
        return 0.0


@pytest.mark.parametrize("model", [Outside(), anomaly.LocalOutlierFactor(5)])
def test_what_only_pickle_could_store_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match="cannot be stored without pickle"):
        RiverModel(1, model=model)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "eval",
        "subprocess:Popen",
        "river.datasets:Bananas",
        "river.anomaly.hst:random",
        "river.utils.math:math",
        "river.anomaly.hst:HalfSpaceTrees.learn_one",
        "",
    ],
)
@pytest.mark.parametrize("kind", ["name", "object", "built", "compiled"])
def test_state_cannot_name_anything_else(kind: str, name: str) -> None:
    rest: dict[str, list[Any]] = {"name": [], "object": [[]], "built": [[]], "compiled": [[], b""]}
    with pytest.raises(CorruptState):
        decode(msgspec.msgpack.encode([[0], [[kind, name, *rest[kind]]]]))


STATE = encode(anomaly.HalfSpaceTrees(1, 2, 3, seed=1))


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(STATE) - 1), st.integers(1, 255)))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_bytes_of_a_stranger_never_crash(change: bytes | tuple[int, int]) -> None:
    if isinstance(change, bytes):
        state = change
    else:
        at, flip = change
        state = STATE[:at] + bytes([STATE[at] ^ flip]) + STATE[at + 1 :]
    with contextlib.suppress(CorruptState):
        decode(state)


def test_state_of_another_class_is_refused() -> None:
    trees = RiverModel(1, model=anomaly.HalfSpaceTrees(1, 2, 3, seed=1))
    payload = encode(anomaly.GaussianScorer())  # type: ignore[no-untyped-call]
    with pytest.raises(CorruptState, match="GaussianScorer"):
        trees.load(0, seal(payload, trees.fingerprint))
    with pytest.raises(ValueError, match="GaussianScorer"):
        from_river(trees, 0, anomaly.GaussianScorer())  # type: ignore[no-untyped-call]
