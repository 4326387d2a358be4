"""The kernel of a model gives the bytes of its step in columns, for all records and all cuts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import kernels
from processors.calibration import Calibration
from processors.models import SNARIMAX, EWStats, PageHinkley
from processors.models.column_model import ColumnModel
from tests.kernels.batches import KINDS, Batch, batches, long_batch

ROWS = 4
MODELS: dict[str, Callable[[], ColumnModel]] = {
    "page-hinkley": lambda: PageHinkley(ROWS, threshold=0.3, min_instances=3),
    "page-hinkley-up": lambda: PageHinkley(ROWS, threshold=0.1, delta=-0.01, min_instances=1, mode="up"),
    "page-hinkley-down": lambda: PageHinkley(ROWS, threshold=0.1, delta=0.0, alpha=0.4, mode="down"),
    "ew": lambda: EWStats(ROWS, fading_factor=0.05),
    "ew-of-three": lambda: EWStats(ROWS, features=3, fading_factor=0.7),
    "snarimax": lambda: SNARIMAX(ROWS, p=3, d=1, q=2),
    "snarimax-seasonal": lambda: SNARIMAX(ROWS, p=1, d=2, q=1, m=3, sp=2, sd=1, sq=1),
    "snarimax-without-lags": lambda: SNARIMAX(ROWS, p=0, d=0, q=0),
    "snarimax-river-default": lambda: SNARIMAX(ROWS, p=2, d=1, q=1, regressor="river-default"),
    "calibration": lambda: Calibration(ROWS, warm_up=3),
    "calibration-short": lambda: Calibration(ROWS, level=0.3, warm_up=1, memory=5, resolution=1e-3),
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def outcome(model: ColumnModel, batch: Batch) -> dict[str, object]:
    """Return all that a model shows of a batch, as bytes. The sign of a NaN means nothing."""
    count = len(batch.rows)
    before, after = model.empty_states(count), model.empty_states(count)
    scores = []
    with np.errstate(all="ignore"):
        for piece in batch.pieces:
            rows, x, learn, fresh = batch.rows[piece], batch.x[piece], batch.learn[piece], batch.fresh[piece]
            states = {"before": before[piece], "after": after[piece]}
            scores.append(model.score_learn(rows, x, learn, fresh=fresh, **states))
    arrays = {"scores": np.concatenate(scores), "before": before, "after": after, "state": model.state}
    shown = {name: np.where(np.isnan(array), np.nan, array).tobytes() for name, array in arrays.items()}
    return {"refused": model.refused, **shown}


def check(make: Callable[[], ColumnModel], batch: Batch) -> None:
    compiled = outcome(make(), batch)
    assert outcome(make(), batch.uncut) == compiled
    with kernels.without():
        assert outcome(make(), batch) == compiled
        assert outcome(make(), batch.uncut) == compiled


@every_model
@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_bytes_are_those_of_the_columns(make: Callable[[], ColumnModel], data: st.DataObject) -> None:
    check(make, data.draw(batches(ROWS, make().features)))


@every_model
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_many_records_are_those_of_the_columns(
    make: Callable[[], ColumnModel], kind: str
) -> None:
    check(make, long_batch(kind, ROWS, make().features))


@every_model
@pytest.mark.parametrize("seed", range(5))
def test_states_that_overflow_are_those_of_the_columns(make: Callable[[], ColumnModel], seed: int) -> None:
    """Such as whoever can write the topic could store."""

    def forged() -> ColumnModel:
        model, rng = make(), np.random.default_rng(seed)
        for row in range(ROWS):
            numbers = rng.choice([1e308, 1e200, 2.0, 1e-308], len(model.numbers(row)))
            signs = rng.choice([-1.0, 1.0], len(numbers))
            signs[list(model.COUNTS)] = 1.0
            model.set_numbers(row, (numbers * signs).tolist())
        return model

    check(forged, long_batch("heavy", ROWS, make().features))


@every_model
def test_states_before_and_after_are_those_of_the_row(make: Callable[[], ColumnModel]) -> None:
    batch, whole, alone = long_batch("heavy", ROWS, make().features), make(), make()
    before, after = whole.empty_states(len(batch.rows)), whole.empty_states(len(batch.rows))
    whole.score_learn(batch.rows, batch.x, batch.learn, fresh=batch.fresh, before=before, after=after)
    for i, row in enumerate(batch.rows.tolist()):
        if batch.fresh[i]:
            alone.reset(batch.rows[i : i + 1])
        assert alone.numbers(row) == before[i].tolist()
        alone.score_learn(batch.rows[i : i + 1], batch.x[i : i + 1], batch.learn[i : i + 1])
        assert alone.numbers(row) == after[i].tolist()


@every_model
def test_a_batch_need_not_be_contiguous(make: Callable[[], ColumnModel]) -> None:
    batch, first, second = long_batch("heavy", ROWS, make().features), make(), make()
    wide = np.repeat(batch.x, 2, axis=1)[:, ::2]
    scores = first.score_learn(np.repeat(batch.rows, 2)[::2], wide, np.repeat(batch.learn, 2)[::2])
    assert scores.tobytes() == second.score_learn(batch.rows, batch.x, batch.learn).tobytes()
