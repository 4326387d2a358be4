"""Scalers and small statistics are River's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import anomaly, preprocessing, stats

from processors.models import EWStats, GaussianScorer, MinMaxScaler, StandardScaler
from processors.models.conversion import from_river
from tests.models.parity import ROWS, RUNS, compare, named
from tests.models.streams import Stream, assert_same

pytestmark = pytest.mark.usefixtures("either_way")


def transform(river: Any, record: list[float]) -> list[float]:
    # River's MinMaxScaler gives NaN for its first record; ours gives 0.
    scaled = [0.0 if np.isnan(z) else float(z) for z in river.transform_one(named(record)).values()]
    river.learn_one(named(record))
    return scaled


def score(river: Any, record: list[float]) -> float:
    found = float(river.score_one(None, record[0]))
    river.learn_one(None, record[0])
    return found


CASES = [
    ("ew", lambda: EWStats(ROWS, features=2, fading_factor=0.1), transform),
    ("ew-slow", lambda: EWStats(ROWS, fading_factor=0.001), transform),
    ("minmax", lambda: MinMaxScaler(ROWS), transform),
    ("minmax-of-two", lambda: MinMaxScaler(ROWS, features=2), transform),
    ("standard", lambda: StandardScaler(ROWS, features=3), transform),
    ("centred", lambda: StandardScaler(ROWS, with_std=False), transform),
    ("gaussian", lambda: GaussianScorer(ROWS, grace_period=8), score),
    ("gaussian-at-once", lambda: GaussianScorer(ROWS, grace_period=0), score),
]


@pytest.mark.parametrize(("_name", "make", "observe"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize(("stream", "seed"), RUNS.values(), ids=RUNS)
def test_scores_are_rivers(stream: Stream, seed: int, _name: str, make: Any, observe: Any) -> None:
    compare(make(), observe, stream, seed=seed)


def test_mean_and_variance_are_rivers() -> None:
    model = EWStats(1, fading_factor=0.3)
    mean, variance = stats.EWMean(0.3), stats.EWVar(0.3)
    for value in np.random.default_rng(5).random(200).tolist():
        model.score_learn(np.zeros(1, dtype=np.intp), np.array([[value]]))
        mean.update(value)
        variance.update(value)
        row = np.zeros(1, dtype=np.intp)
        assert_same(model.mean(row), np.array([[mean.get()]]))
        assert_same(model.variance(row), np.array([[variance.get()]]))


def test_the_sign_of_zero_is_rivers() -> None:
    values = [0.0, -0.0, 1.0, -0.0]
    scaler, model = preprocessing.MinMaxScaler(), MinMaxScaler(3)
    rows, x = np.tile(np.arange(3), 4), np.repeat(np.array(values), 3)[:, None]
    theirs = np.repeat([transform(scaler, [value]) for value in values], 3, axis=0)
    assert_same(model.score_learn(rows, x), theirs)


def test_other_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="fading_factor"):
        from_river(EWStats(1), 0, preprocessing.AdaptiveStandardScaler(0.9))  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="window"):
        from_river(MinMaxScaler(1), 0, preprocessing.MinMaxScaler(window_size=3))
    with pytest.raises(ValueError, match="window"):
        from_river(StandardScaler(1), 0, preprocessing.StandardScaler(window_size=3))
    with pytest.raises(ValueError, match="grace_period"):
        from_river(GaussianScorer(1), 0, anomaly.GaussianScorer(grace_period=3))  # type: ignore[no-untyped-call]
