"""Feed a model and River the same stream, and compare every score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from processors.models.base import usable
from tests.models.streams import Stream, assert_same, pieces

ROWS = 12
SEEDS = (7, 11, 13)


def compare(
    model: Any,
    observe: Callable[[Any, list[float]], float | list[float]],
    stream: Stream,
    *,
    seed: int,
    records: int = 1_000,
    rows: int = ROWS,
) -> None:
    """Score with both, and convert every row to River and back now and then.

    `observe` gives River's score of a record and then learns it.
    """
    rng = np.random.default_rng(seed)
    keys, x = stream(rng, records, rows, model.features)
    ours, theirs = [], []
    rivers = [model.to_river(row) for row in range(rows)]
    for number, piece in enumerate(pieces(rng, records)):
        ours.append(model.score_learn(keys[piece], x[piece]))
        theirs.append(np.full_like(ours[-1], np.nan))
        for i in np.flatnonzero(usable(x[piece])):
            theirs[-1][i] = observe(rivers[keys[piece][i]], x[piece][i].tolist())
        if number % 5 == 4:
            for row in range(rows):
                model.from_river(row, rivers[row])
                rivers[row] = model.to_river(row)
    assert_same(np.concatenate(ours), np.concatenate(theirs))
    assert model.refused == int((~usable(x)).sum())


def named(record: list[float]) -> dict[str, float]:
    return {f"f{i}": value for i, value in enumerate(record)}
