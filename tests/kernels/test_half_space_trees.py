"""The kernel of half-space trees gives the bytes of the trees in columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import kernels
from processors.models import HalfSpaceTrees
from tests.kernels.batches import Batch, batches, long_batch
from tests.models.fleet import dumps

ROWS = 4
SHAPES: dict[str, dict[str, Any]] = {
    "one-feature": {"n_trees": 3, "height": 4, "window_size": 3},
    "three-features": {"features": 3, "n_trees": 10, "height": 8, "window_size": 7},
    "window-of-one": {"n_trees": 1, "height": 1, "window_size": 1},
    "wide-leaves": {"features": 2, "n_trees": 3, "height": 9, "window_size": 4},
    "wide-leaves-and-table": {"features": 2, "n_trees": 2, "height": 10, "window_size": 65},
    "largest-narrow-table": {"features": 2, "n_trees": 2, "height": 8, "window_size": 257},
    "smallest-wide-table": {"features": 2, "n_trees": 2, "height": 8, "window_size": 258},
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def nearly_full(shape: dict[str, Any]) -> HalfSpaceTrees:
    """Return trees whose rows have learned a window, and the next one up to a different point for each."""
    trees, rng = HalfSpaceTrees(ROWS, seed=1, **shape), np.random.default_rng(1)
    for row in range(1, ROWS):
        leaves = rng.integers(0, 2 ** shape["height"], (trees.window_size, shape["n_trees"]), np.uint16)
        trees.set_windows(row, leaves, leaves[: max(0, trees.window_size - 3 * row)])
    return trees


def outcome(trees: HalfSpaceTrees, batch: Batch) -> dict[str, object]:
    """Return all that trees show of a batch, as bytes."""
    scores = [trees.score_learn(batch.rows[p], batch.x[p], batch.learn[p]) for p in batch.pieces]
    windows = [window.tobytes() for row in range(ROWS) for window in trees.windows(row)]
    whole = np.concatenate(scores).tobytes()
    return {"scores": whole, "windows": windows, "state": dumps(trees, ROWS), "refused": trees.refused}


def check(shape: dict[str, Any], batch: Batch) -> None:
    compiled = outcome(nearly_full(shape), batch)
    assert outcome(nearly_full(shape), batch.uncut) == compiled
    with kernels.without():
        assert outcome(nearly_full(shape), batch) == compiled
        assert outcome(nearly_full(shape), batch.uncut) == compiled


@every_shape
@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_bytes_are_those_of_the_columns(shape: dict[str, Any], data: st.DataObject) -> None:
    check(shape, data.draw(batches(ROWS, shape.get("features", 1))))


@every_shape
def test_the_bytes_of_many_records_are_those_of_the_columns(shape: dict[str, Any]) -> None:
    check(shape, long_batch("heavy", ROWS, shape.get("features", 1)))


def test_a_table_of_the_default_shape_has_two_bytes_per_leaf() -> None:
    row = HalfSpaceTrees(2).nbytes() - HalfSpaceTrees(1).nbytes()
    assert row == 2 * 250 * 10 + 2 * 256 * 10 + 11


@pytest.mark.parametrize("height", [1, 8, 9, 15])
def test_the_largest_score_fits_the_table(height: int) -> None:
    """All records of the window in one leaf: the root and all nodes on the way have the whole window."""
    for window in (65_535 // (2**height - 1), 65_535 // (2**height - 1) + 1):
        trees = HalfSpaceTrees(1, n_trees=1, height=height, window_size=window)
        last = np.full((window, 1), 2**height - 1, np.uint16)
        trees.set_windows(0, last, last[:0])
        assert trees.score(np.zeros(1, np.intp), np.ones((1, 1))) == 0.0
