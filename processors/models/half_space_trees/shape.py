"""The trees of `HalfSpaceTrees`: cuts drawn once by River's rules, and shared by all rows."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.tree.padded import make_padded_tree

from processors.columns import Floats, Rows

Leaves = NDArray[np.unsignedinteger[Any]]
Limits = Mapping[str, tuple[float, float]]
PADDING = 0.15  # River's constant (river.anomaly.HalfSpaceTrees.learn_one)


def build_trees(n_trees: int, height: int, limits: Limits, rng: random.Random) -> list[Any]:
    """Return River's trees as River builds them at the first record; `limits` in order of feature name."""
    build: Any = make_padded_tree
    return [build(dict(limits), height, PADDING, rng, r_mass=0, l_mass=0) for _ in range(n_trees)]


def leaf_counts(log: Leaves, records: Rows, n_leaves: int) -> NDArray[np.int64]:
    """Return the number of records in each leaf, shape `(rows, trees, n_leaves)`.

    Parameters
    ----------
    log
        Leaves, shape `(rows, window_size, trees)`.
    records
        How many records of the log are in use, by row.
    """
    rows, size, trees = log.shape
    cells = (np.arange(rows)[:, None, None] * trees + np.arange(trees)) * n_leaves + log
    used = cells[np.arange(size) < records[:, None]]
    counts = np.bincount(used.ravel(), minlength=rows * trees * n_leaves)
    return counts.reshape(rows, trees, n_leaves)


def least_records(window_size: int) -> int:
    """Return the records of a node below which River goes no deeper."""
    return math.ceil(0.1 * window_size)


class HalfSpaceTreesShape:
    """Features and thresholds of all trees, and the leaf that each record falls into.

    The trees do not depend on the data: equal parameters give equal trees. Nodes are numbered as in a binary
    heap (the children of `i` are `2i + 1` and `2i + 2`), leaves from left to right.

    Parameters
    ----------
    n_trees, height, seed
        As in `river.anomaly.HalfSpaceTrees`.
    limits
        Range of each feature by name, in the order of the columns.
    """

    def __init__(self, n_trees: int, height: int, limits: Limits, seed: int) -> None:
        self.names = list(limits)
        self.limits = {name: limits[name] for name in sorted(limits)}
        self.n_trees = n_trees
        self.height = height
        self.n_leaves = 2**height
        self.dtype = np.dtype(np.uint8 if height <= 8 else np.uint16)
        self.feature = np.zeros((n_trees, self.n_leaves - 1), dtype=np.intp)
        self.threshold = np.zeros((n_trees, self.n_leaves - 1))
        for tree, root in enumerate(build_trees(n_trees, height, self.limits, random.Random(seed))):  # noqa: S311 River's generator
            self._flatten(tree, root, 0)
        # In this order of leaves, the children of all nodes of a level are two contiguous halves.
        leaves = np.arange(self.n_leaves)
        self._bit_reversed = sum(((leaves >> bit) & 1) << (height - 1 - bit) for bit in range(height))
        if len(self.names) == 1:
            self._merge_cuts()

    def _flatten(self, tree: int, node: Any, index: int) -> None:
        if index >= self.n_leaves - 1:
            return
        self.feature[tree, index] = self.names.index(node.feature)
        self.threshold[tree, index] = node.threshold
        self._flatten(tree, node.left, 2 * index + 1)
        self._flatten(tree, node.right, 2 * index + 2)

    def _merge_cuts(self) -> None:
        cuts = self.threshold.ravel()
        order = np.argsort(cuts, kind="stable")
        self._cuts = cuts[order]
        self._leaves_at = np.zeros((len(cuts) + 1, self.n_trees), dtype=self.dtype)
        passed = np.zeros((len(cuts), self.n_trees), dtype=self.dtype)
        passed[np.arange(len(cuts)), order // (self.n_leaves - 1)] = 1
        np.cumsum(passed, axis=0, dtype=self.dtype, out=self._leaves_at[1:])

    def leaves(self, x: Floats) -> Leaves:
        """Return the leaf of each record (rows of `x`) in each tree, shape `(B, n_trees)`."""
        if len(self.names) == 1:
            # With one feature, the number of a leaf is the number of cuts of its tree up to the value.
            leaves: Leaves = self._leaves_at[np.searchsorted(self._cuts, x[:, 0], side="right")]
            return leaves
        inner = self.n_leaves - 1
        first = np.arange(self.n_trees) * inner
        node = np.zeros((len(x), self.n_trees), dtype=np.intp)
        begin = np.arange(len(x))[:, None] * len(self.names)
        values, feature, threshold = x.ravel(), self.feature.ravel(), self.threshold.ravel()
        for _ in range(self.height):
            at = first + node
            node = 2 * node + 1 + (values[begin + feature[at]] >= threshold[at])
        reached: Leaves = (node - inner).astype(self.dtype)
        return reached

    def score_table(self, counts: NDArray[np.int64], window_size: int) -> NDArray[np.int32]:
        """Return half of what River adds up below the root on the way to each leaf.

        It follows from the number of records in each leaf. `counts` and the result have the shape
        `(..., n_trees, n_leaves)`. All addends are even integers. At the root, River adds `window_size`.
        """
        masses = [counts.reshape(-1, self.n_leaves).T[self._bit_reversed].astype(np.int32)]
        for _ in range(self.height):
            half = len(masses[-1]) // 2
            masses.append(masses[-1][:half] + masses[-1][half:])
        reached = masses.pop()
        total = np.zeros_like(reached)
        enough = least_records(window_size)
        for depth in range(1, self.height + 1):
            # River goes no deeper below a node of little mass, so such a node counts as empty from here.
            reached = masses.pop().reshape(2, *reached.shape) * (reached >= enough)
            total = (total + (reached << depth - 1)).reshape(2 * len(total), -1)
            reached = reached.reshape(total.shape)
        table: NDArray[np.int32] = total[self._bit_reversed].T.reshape(counts.shape)
        return table
