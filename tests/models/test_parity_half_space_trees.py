"""HalfSpaceTrees scores what River scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import anomaly

from processors.models.conversion import from_river, to_river
from processors.models.half_space_trees import HalfSpaceTrees
from tests.models.parity import RUNS, compare, named
from tests.models.streams import Stream

pytestmark = pytest.mark.usefixtures("either_way")

SHAPES: list[dict[str, Any]] = [
    {"n_trees": 10, "height": 8, "window_size": 40, "seed": 1},
    {"n_trees": 5, "height": 6, "window_size": 25, "seed": 2, "features": 3},
    {"n_trees": 3, "height": 9, "window_size": 130, "seed": 3, "features": 2},
    {"n_trees": 2, "height": 3, "window_size": 1, "seed": 4, "limits": {"f0": (-1.0, 3.0)}},
    {"n_trees": 4, "height": 4, "window_size": 9, "seed": 5, "features": 11},
]


def observe(river: Any, record: list[float]) -> float:
    score = float(river.score_one(named(record)))
    river.learn_one(named(record))
    return score


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"h{shape['height']}w{shape['window_size']}")
@pytest.mark.parametrize(("stream", "seed"), RUNS.values(), ids=RUNS)
def test_scores_are_rivers(stream: Stream, seed: int, shape: dict[str, Any]) -> None:
    # few rows: River takes 20 ms to build the trees of one
    compare(HalfSpaceTrees(3, **shape), observe, stream, seed=seed, records=500, rows=3)


@pytest.mark.parametrize("features", [1, 2])
def test_a_value_on_a_cut_goes_where_rivers_goes(features: int) -> None:
    model = HalfSpaceTrees(1, features=features, n_trees=4, height=4, window_size=15, seed=6)
    cuts = np.unique(model.shape.threshold)
    x = np.repeat(cuts[:, None], features, axis=1)
    river = to_river(model, 0)
    theirs = [observe(river, record) for record in x.tolist()]
    np.testing.assert_array_equal(model.score_learn(np.zeros(len(x), np.intp), x), theirs)


def test_other_trees_are_refused() -> None:
    model = HalfSpaceTrees(1, n_trees=2, height=3, seed=1)
    other = anomaly.HalfSpaceTrees(2, 3, 250, seed=2)
    other.learn_one({"f0": 0.5})  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="other trees"):
        from_river(model, 0, other)
    with pytest.raises(ValueError, match="another n_trees, height or window_size"):
        from_river(model, 0, anomaly.HalfSpaceTrees(2, 4, 250, seed=1))


@pytest.mark.parametrize(
    "wrong", [{"height": 16}, {"n_trees": 0}, {"limits": {"g": (0.0, 1.0)}}, {"window_size": 10**8}]
)
def test_impossible_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        HalfSpaceTrees(1, **wrong)


def test_rows_that_reach_the_window_together_swap_together() -> None:
    fleet = HalfSpaceTrees(600, n_trees=2, height=3, window_size=2)
    rows = np.arange(600)
    x = np.random.default_rng(0).random((4, 600, 1))
    together = np.stack([fleet.score_learn(rows, part) for part in x])
    alone = HalfSpaceTrees(600, n_trees=2, height=3, window_size=2)
    for row in (0, 255, 256, 599):
        one = alone.score_learn(np.full(4, row), x[:, row])
        np.testing.assert_array_equal(one, together[:, row])
