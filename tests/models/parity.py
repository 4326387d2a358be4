"""Feed a model and River the same stream, and compare every score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from processors.columns import Floats
from processors.models.base import usable
from processors.models.conversion import from_river, to_river
from tests.models.fleet import dumps
from tests.models.streams import (
    EXACT,
    PARITY,
    STREAMS,
    Batch,
    CutBatch,
    Stream,
    assert_same,
    pieces,
    random,
)

ROWS = 12
_SEED, *_OTHER_SEEDS = 7, 11, 13
RUNS: dict[str, tuple[Stream, int]] = {
    **{f"{name}-{_SEED}": (stream, _SEED) for name, stream in STREAMS.items()},
    **{f"{random.__name__}-{PARITY}-{seed}": (random, seed) for seed in _OTHER_SEEDS},
}
"""What each parameter set follows: every kind of stream once, for what values and keys a stream may have; one
stream with two more seeds, for where it is cut and when a row goes to River and back. The product of both
holds no other fact; test_parity_properties.py draws values, keys and cuts at will."""
Observe = Callable[[Any, list[float]], float | list[float]]
"""Gives River's score of a record and then learns it."""


def compare(
    model: Any, observe: Observe, stream: Stream, *, seed: int, records: int = 1_000, rows: int = ROWS
) -> None:
    """Follow a stream with both, cut and converted at random points."""
    rng = np.random.default_rng(seed)
    batch = stream(rng, records, rows, model.features)
    _agree(model, observe, batch, pieces(rng, records), rng, rows)


def compare_cut(model: Any, observe: Observe, batch: CutBatch, *, seed: int, rows: int = ROWS) -> None:
    """Follow a batch of hypothesis with both, cut where it says and converted at some of the cuts."""
    keys, x, cuts = batch
    with np.errstate(over="ignore"):  # River's floats become infinite without a word
        _agree(model, observe, (keys, x), cuts, np.random.default_rng(seed), rows)


def _agree(
    model: Any, observe: Observe, batch: Batch, cuts: list[slice], rng: np.random.Generator, rows: int
) -> None:
    """Compare River's scores, the model's in pieces, and those of the batch uncut and never converted."""
    keys, x = batch
    whole = model.score_learn(keys, x)
    assert model.refused == int((~usable(x)).sum())
    model.reset(np.arange(rows))
    rivers = [to_river(model, row) for row in range(rows)]
    # rows that never change sides would show what both conversions lose
    chances = rng.choice([0.0, 0.3], rows)
    ours, theirs = [], []
    for piece in cuts:
        ours.append(model.score_learn(keys[piece], x[piece]))
        theirs.append(_follow(rivers, observe, (keys[piece], x[piece]), ours[-1].shape))
        _exchange(model, rivers, np.flatnonzero(rng.random(rows) < chances).tolist())
    assert_same(np.concatenate(ours), np.concatenate(theirs))
    assert_same(np.concatenate(ours), whole)
    if EXACT and not model.OBJECT_STATE:
        _assert_same_states(model, rivers, np.unique(keys[usable(x)]).tolist())


def _follow(rivers: list[Any], observe: Observe, batch: Batch, shape: tuple[int, ...]) -> Floats:
    keys, x = batch
    scores = np.full(shape, np.nan)
    for i in np.flatnonzero(usable(x)):
        scores[i] = observe(rivers[keys[i]], x[i].tolist())
    return scores


def _exchange(model: Any, rivers: list[Any], rows: list[int]) -> None:
    """Let River continue from our rows, and our rows from River's."""
    for row in rows:
        ours = to_river(model, row)
        from_river(model, row, rivers[row])
        rivers[row] = ours


def _assert_same_states(model: Any, rivers: list[Any], rows: list[int]) -> None:
    before = dumps(model, len(rivers))
    for row in rows:
        from_river(model, row, rivers[row])
    assert dumps(model, len(rivers)) == before


def named(record: list[float]) -> dict[str, float]:
    return {f"f{i}": value for i, value in enumerate(record)}
