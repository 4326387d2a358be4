"""Converts `HalfSpaceTrees` to River's object and back: for inspection and tests, not for the hot path."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from river import anomaly

from processors.models.half_space_trees.model import HalfSpaceTrees
from processors.models.half_space_trees.shape import Leaves, build_trees

Counts = NDArray[np.int64]


def _heap(node: Any, height: int) -> list[Any]:
    """Return the nodes of a tree level by level, from left to right."""
    level, nodes = [node], [node]
    for _ in range(height):
        level = [child for parent in level for child in parent.children]
        nodes += level
    return nodes


def _masses(counts: Counts, height: int) -> list[int]:
    levels = [counts]
    for _ in range(height):
        levels.append(levels[-1][0::2] + levels[-1][1::2])
    return [int(mass) for level in reversed(levels) for mass in level]


def _count(window: Leaves, n_leaves: int) -> Counts:
    return np.stack([np.bincount(leaves, minlength=n_leaves) for leaves in window.T])


def _window(counts: Counts) -> Leaves:
    sizes = counts.sum(axis=1)
    if (sizes != sizes[0]).any():
        raise ValueError("the trees of the River model do not agree on the number of records")
    leaves = np.broadcast_to(np.arange(counts.shape[1], dtype=np.uint16), counts.shape)
    return np.repeat(leaves.ravel(), counts.ravel()).reshape(len(counts), int(sizes[0])).T


def to_river(fleet: HalfSpaceTrees, row: int) -> anomaly.HalfSpaceTrees:
    """Return the River model that continues like a row; takes tens of milliseconds."""
    shape = fleet.shape
    limits: dict[Hashable, tuple[float, float]] = dict(shape.limits.items())
    model = anomaly.HalfSpaceTrees(shape.n_trees, shape.height, fleet.window_size, limits, fleet.seed)
    finished, current = (_count(window, shape.n_leaves) for window in fleet.windows(row))
    if not finished.any() and not current.any():
        return model
    model.trees = build_trees(shape.n_trees, shape.height, shape.limits, model.rng)
    model._tree_nodes = [list(cast(Any, tree).iter_dfs()) for tree in model.trees]  # noqa: SLF001 no setter
    for root, reference, latest in zip(model.trees, finished, current, strict=True):
        reference_masses, latest_masses = _masses(reference, shape.height), _masses(latest, shape.height)
        for node, r_mass, l_mass in zip(
            _heap(root, shape.height), reference_masses, latest_masses, strict=True
        ):
            node.r_mass, node.l_mass = r_mass, l_mass
    model.counter = int(current[0].sum())
    model._first_window = not finished.any()  # noqa: SLF001 River has no setter
    return model


def from_river(fleet: HalfSpaceTrees, row: int, model: anomaly.HalfSpaceTrees) -> None:
    """Continue a row from a River model.

    Raises
    ------
    ValueError
        If the model's parameters or trees are not those of the fleet.
    """
    shape = fleet.shape
    if (model.n_trees, model.height, model.window_size) != (shape.n_trees, shape.height, fleet.window_size):
        raise ValueError("the River model has another n_trees, height or window_size")
    finished = np.zeros((shape.n_trees, shape.n_leaves), dtype=np.int64)
    current = np.zeros_like(finished)
    for tree, root in enumerate(model.trees):
        nodes = _heap(root, shape.height)
        inner = nodes[: shape.n_leaves - 1]
        names = [shape.names[feature] for feature in shape.feature[tree]]
        if [n.feature for n in inner] != names or [n.threshold for n in inner] != list(shape.threshold[tree]):
            raise ValueError("the River model has other trees: another seed, limits or features")
        finished[tree] = [leaf.r_mass for leaf in nodes[shape.n_leaves - 1 :]]
        current[tree] = [leaf.l_mass for leaf in nodes[shape.n_leaves - 1 :]]
    fleet.set_windows(row, _window(finished), _window(current))
