"""The kernels that store half-space trees, and build their tables, give what the columns give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import kernels
from processors.columns import Rows
from processors.models import HalfSpaceTrees
from processors.models.codec import seal, unseal
from processors.models.half_space_trees.shape import least_records
from tests.models.fleet import dumps

ROWS = 5
SHAPES: dict[str, dict[str, Any]] = {
    "small": {"n_trees": 3, "height": 4, "window_size": 3},
    "default": {"n_trees": 10, "height": 8, "window_size": 250},
    "window-of-one": {"n_trees": 1, "height": 1, "window_size": 1},
    "wide-leaves": {"n_trees": 3, "height": 9, "window_size": 4},
    "wide-table": {"n_trees": 2, "height": 10, "window_size": 65},
    "wide-records": {"n_trees": 2, "height": 3, "window_size": 300},
    "widest-records": {"n_trees": 1, "height": 1, "window_size": 2**16 + 10},
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
any_seed = st.integers(0, 10**6)


def filled(shape: dict[str, Any], seed: int) -> HalfSpaceTrees:
    """Return trees: a new row, then rows with and without a finished window, filled to different points."""
    trees, rng = HalfSpaceTrees(ROWS, seed=1, **shape), np.random.default_rng(seed)
    kinds = 2 ** int(rng.integers(0, shape["height"] + 1))
    size = trees.window_size
    for row in range(1, ROWS):
        leaves = rng.integers(0, kinds, (2 * size, shape["n_trees"]), np.uint16)
        trees.set_windows(row, leaves[: size * (row % 2)], leaves[size : size + int(rng.integers(0, size))])
    return trees


@every_shape
@given(seed=any_seed, rows=st.lists(st.integers(0, ROWS - 1), max_size=8))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_states_have_the_bytes_of_the_columns(shape: dict[str, Any], seed: int, rows: list[int]) -> None:
    trees, wanted = filled(shape, seed), np.array(rows, np.intp)
    compiled = trees.dump_many(wanted)
    with kernels.without():
        assert trees.dump_many(wanted) == compiled == [trees.dump(row) for row in rows]


@every_shape
@given(seed=any_seed, order=st.permutations(range(ROWS)))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_loaded_states_are_those_of_the_columns(shape: dict[str, Any], seed: int, order: list[int]) -> None:
    states, rows = dumps(filled(shape, seed), ROWS), np.array(order, np.intp)
    compiled, columns = filled(shape, seed + 1), filled(shape, seed + 1)
    assert compiled.load_many(rows, states) == 0
    with kernels.without():
        assert columns.load_many(rows, states) == 0
    for row, state in zip(order, states, strict=True):
        assert compiled.dump(row) == columns.dump(row) == state
        for mine, theirs in zip(compiled.windows(row), columns.windows(row), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@every_shape
@given(
    seed=any_seed, at=st.integers(0, 10**6), change=st.integers(1, 255), cut=st.sampled_from([0, 0, 0, 1, 7])
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_the_columns_refuse_is_refused(
    shape: dict[str, Any], seed: int, at: int, change: int, cut: int
) -> None:
    trees = filled(shape, seed)
    payload = bytearray(unseal(trees.dump(1 + seed % (ROWS - 1)), trees.fingerprint))
    payload[at % len(payload)] ^= change
    state = seal(bytes(payload[: len(payload) - cut]), trees.fingerprint)
    columns = filled(shape, seed)
    row = np.zeros(1, np.intp)
    refused = trees.load_many(row, [state])
    with kernels.without():
        assert columns.load_many(row, [state]) == refused
    assert trees.dump(0) == columns.dump(0)


@every_shape
@given(seed=any_seed)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_scores_by_tables_are_those_of_the_columns(shape: dict[str, Any], seed: int) -> None:
    compiled, columns = filled(shape, seed), filled(shape, seed)
    x = np.random.default_rng(seed).random((200, 1))
    rows = np.arange(200) % ROWS
    scores = compiled.score_learn(rows, x)
    with kernels.without():
        np.testing.assert_array_equal(columns.score_learn(rows, x), scores)
    assert dumps(compiled, ROWS) == dumps(columns, ROWS)


def arrays(rows: Rows) -> dict[str, Any]:
    """Return arrays of two rows of two trees of height 3 and windows of 4 records."""
    return {
        "rows": rows,
        "log": np.zeros((2, 2, 4, 2), np.uint8),
        "counter": np.zeros(2, np.int64),
        "current": np.zeros(2, np.uint8),
        "warm": np.zeros(2, np.bool_),
        "stale": np.zeros(2, np.bool_),
        "fits": np.zeros(len(rows), np.bool_),
        "table": np.zeros((2, 2, 8), np.uint16),
    }


SIZES = (2, 3, 4)
STORED = ["rows", "log", "counter", "current", "warm", "stale"]
TABLES = ["rows", "log", "current", "table"]
WRONG: dict[str, Any] = {
    "rows": np.array([2]),
    "log": np.zeros((2, 2, 3, 2), np.uint8),
    "counter": np.full(2, 4, np.int64),
    "current": np.full(2, 2, np.uint8),
    "warm": np.zeros(3, np.bool_),
    "stale": np.zeros(2, np.uint8),
    "fits": np.zeros(2, np.bool_),
    "table": np.zeros((2, 2, 7), np.uint16),
}
ERRORS = (TypeError, ValueError, IndexError, BufferError)


def call(kernel: str, given: dict[str, Any], sizes: tuple[int, ...] = SIZES) -> Any:
    compiled: Any = kernels.compiled()
    if kernel == "encode":
        return compiled.half_space_trees_encode(tuple(given[name] for name in STORED), *sizes)
    if kernel == "decode":
        taken = tuple(given[name] for name in [*STORED, "fits"])
        return compiled.half_space_trees_decode(taken, [b""] * len(given["rows"]), *sizes)
    taken = tuple(given[name] for name in TABLES)
    return compiled.half_space_trees_tables(taken, *sizes, least_records(sizes[-1]))


NAMES = {"encode": STORED, "decode": [*STORED, "fits"], "tables": TABLES}
every_kernel = pytest.mark.parametrize("kernel", NAMES)


@every_kernel
def test_a_kernel_takes_what_fits(kernel: str) -> None:
    call(kernel, arrays(np.array([1])))


@pytest.mark.parametrize(("kernel", "name"), [(kernel, name) for kernel in NAMES for name in NAMES[kernel]])
def test_a_kernel_refuses_an_array_that_does_not_fit(kernel: str, name: str) -> None:
    with pytest.raises(ERRORS):
        call(kernel, arrays(np.array([1])) | {name: WRONG[name]})


@every_kernel
@pytest.mark.parametrize("sizes", [(0, 3, 4), (2, 0, 4), (2, 16, 4), (2, 3, 0), (2, 9, 4), (2**40, 3, 4)])
def test_a_kernel_refuses_sizes_that_do_not_fit(kernel: str, sizes: tuple[int, ...]) -> None:
    with pytest.raises(ERRORS):
        call(kernel, arrays(np.array([1])), sizes)


@pytest.mark.parametrize("payloads", [[], [b"", b""], [None], ["x"], (b"",)])
def test_payloads_are_as_many_bytes_as_rows(payloads: Any) -> None:
    given, compiled = arrays(np.array([1])), kernels.compiled()
    assert compiled is not None
    with pytest.raises(ERRORS):
        compiled.half_space_trees_decode(tuple(given[name] for name in NAMES["decode"]), payloads, *SIZES)
