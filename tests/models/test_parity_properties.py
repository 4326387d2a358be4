"""Whatever the values and however they are cut: a model in columns is River's."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from tests.models import test_parity_drift, test_parity_snarimax, test_parity_statistics
from tests.models.parity import named
from tests.models.streams import assert_same

KEYS = 3


def trees(river: Any, record: list[float]) -> float:
    score = float(river.score_one(named(record)))
    river.learn_one(named(record))
    return score


MODELS: dict[str, tuple[Any, Any]] = {
    "half-space-trees": (
        lambda: HalfSpaceTrees(KEYS, features=1, n_trees=4, height=4, window_size=10, seed=3), trees,
    ),
    "snarimax": (lambda: SNARIMAX(KEYS, p=2, d=1, q=1), test_parity_snarimax.observe),
    "ew": (lambda: EWStats(KEYS, fading_factor=0.2), test_parity_statistics.transform),
    "minmax": (lambda: MinMaxScaler(KEYS), test_parity_statistics.transform),
    "standard": (lambda: StandardScaler(KEYS), test_parity_statistics.transform),
    "gaussian": (lambda: GaussianScorer(KEYS, grace_period=5), test_parity_statistics.score),
    "page-hinkley": (lambda: PageHinkley(KEYS, threshold=0.1, min_instances=3), test_parity_drift.observe),
    "adwin": (lambda: ADWIN(KEYS, clock=2, grace_period=3), test_parity_drift.observe),
}  # fmt: skip
values = st.one_of(
    st.floats(0.0, 1.0), st.sampled_from([0.0, 1e-300, 1e-9, 0.5, 1.0]), st.floats(-10.0, 10.0)
)
records = st.lists(st.tuples(st.integers(0, KEYS - 1), values), min_size=1, max_size=80)


@pytest.mark.parametrize("name", MODELS)
@given(records, st.lists(st.integers(0, 80), max_size=6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_scores_are_rivers(name: str, stream: list[tuple[int, float]], cuts: list[int]) -> None:
    make, observe = MODELS[name]
    model = make()
    rivers = [model.to_river(row) for row in range(KEYS)]
    keys = np.array([key for key, _ in stream], dtype=np.intp)
    x = np.array([[value] for _, value in stream])
    theirs = np.array([observe(rivers[key], [value]) for key, value in stream], dtype=np.float64)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    parts = [model.score_learn(keys[a:b], x[a:b]) for a, b in pairwise(edges)]
    ours = np.concatenate(parts)
    assert_same(ours.reshape(-1), theirs.reshape(-1))
