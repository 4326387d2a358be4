"""What every model promises, held by every model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.methods import METHODS
from processors.models import MODELS
from processors.models.codec import CorruptState, FingerprintMismatch
from tests.models.fleet import CLASSES, FLEET, PARAMETERS, dumps, other, records

pytestmark = pytest.mark.usefixtures("either_way")

ROWS = 16
Make = Callable[[int], Any]

every_model = pytest.mark.parametrize("make", FLEET.values(), ids=FLEET)
every_name = pytest.mark.parametrize("name", FLEET)


def test_every_registered_model_is_here() -> None:
    assert {method.MODEL for method in METHODS.values()} | set(MODELS.values()) < set(CLASSES.values())
    assert all(name == cls.NAME for name, cls in [*CLASSES.items(), *METHODS.items()])


@every_model
@given(seed=st.integers(0, 10**6), cuts=st.sets(st.integers(1, 99)), rows=st.sampled_from([1, 3, ROWS]))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_every_cut_into_batches_gives_the_same(make: Make, seed: int, cuts: set[int], rows: int) -> None:
    model = make(ROWS)
    keys, x = records(seed, 100, rows, model.features)
    learn = np.random.default_rng(seed).random(100) < 0.9
    whole = model.score_learn(keys, x, learn)
    in_pieces = make(ROWS)
    bounds = [0, *sorted(cuts), 100]
    pieces = [slice(a, b) for a, b in pairwise(bounds)]
    scores = [in_pieces.score_learn(keys[piece], x[piece], learn[piece]) for piece in pieces]
    np.testing.assert_array_equal(np.concatenate(scores), whole)
    assert dumps(in_pieces, ROWS) == dumps(model, ROWS)


@every_model
def test_keys_do_not_touch_each_other(make: Make) -> None:
    model = make(ROWS)
    keys, x = records(5, 300, ROWS, model.features)
    scores = model.score_learn(keys, x)
    for key in range(0, ROWS, 5):
        alone = make(1)
        own = keys == key
        np.testing.assert_array_equal(alone.score_learn(np.zeros(own.sum(), np.intp), x[own]), scores[own])
        assert alone.dump(0) == model.dump(key)


@every_model
def test_scores_are_finite_and_in_range(make: Make) -> None:
    model = make(3)
    keys, x = records(1, 600, 3, model.features)
    scores = model.score_learn(keys, x)
    for row in range(3):
        own = scores[keys == row]
        assert np.isnan(own[: model.warm_up]).all()
        assert np.isfinite(own[model.warm_up :]).all()
    low, high = model.SCORE_RANGE
    known = scores[~np.isnan(scores)]
    assert (known >= low).all()
    assert (known <= high).all()
    assert len(np.unique(known)) > 1


@every_model
def test_huge_values_leave_it_finite(make: Make) -> None:
    model = make(1)
    x = np.array([0.1, 1e99, -1e99, 0.2, 1e-300, 0.3] * 10)[:, None] * np.ones(model.features)
    model.score_learn(np.zeros(60, dtype=np.intp), x)
    assert model.refused == 0
    model.load(0, model.dump(0))


@every_model
def test_scoring_changes_nothing(make: Make) -> None:
    model = make(ROWS)
    keys, x = records(2, 200, ROWS, model.features)
    model.score_learn(keys, x)
    before = dumps(model, ROWS)
    rows = np.arange(ROWS)
    scores = model.score(rows, x[:ROWS])
    assert dumps(model, ROWS) == before
    np.testing.assert_array_equal(model.score_learn(rows, x[:ROWS], np.zeros(ROWS, dtype=bool)), scores)
    assert dumps(model, ROWS) == before
    np.testing.assert_array_equal(model.score_learn(rows, x[:ROWS]), scores)
    assert dumps(model, ROWS) != before


@every_model
def test_same_input_same_output(make: Make) -> None:
    first, second = make(ROWS), make(2 * ROWS)
    keys, x = records(3, 200, ROWS, first.features)
    np.testing.assert_array_equal(first.score_learn(keys, x), second.score_learn(keys, x))
    assert dumps(first, ROWS) == dumps(second, ROWS)


@every_model
def test_stored_state_continues_identically_at_every_point(make: Make) -> None:
    model, restored = make(1), make(3)
    _, x = records(4, 60, 1, model.features)
    following, row = records(5, 20, 1, model.features)[1], np.zeros(1, dtype=np.intp)
    for record in x:
        model.score_learn(row, record[None])
        state = model.dump(0)
        restored.score_learn(np.full(20, 2), following)  # a used row must not show through
        restored.load(2, state)
        assert restored.dump(2) == state
        copy = make(1)
        copy.load(0, state)
        expected = copy.score_learn(np.zeros(20, np.intp), following)
        np.testing.assert_array_equal(restored.score_learn(np.full(20, 2), following), expected)
        assert restored.dump(2) == copy.dump(0)
    np.testing.assert_array_equal(model.score_learn(np.zeros(20, np.intp), following), expected)


@every_model
def test_stored_state_and_memory_are_bounded(make: Make) -> None:
    model = make(1)
    sizes = []
    for seed in range(8):
        model.score_learn(np.zeros(500, np.intp), records(seed, 500, 1, model.features)[1])
        sizes.append(len(model.dump(0)))
    assert max(sizes) <= (8_192 if model.OBJECT_STATE else 4_096)
    assert max(sizes[4:]) <= 1.3 * max(sizes[:4])
    a_row = make(30).nbytes() - make(29).nbytes()
    assert 0 < a_row <= 20_000
    assert model.nbytes() == make(1).nbytes()


@every_model
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e101])
def test_what_is_not_finite_is_refused(make: Make, value: float) -> None:
    model = make(2)
    _, x = records(6, 50, 1, model.features)
    rows = np.zeros(50, np.intp)
    model.score_learn(rows, x)
    before = model.dump(0)
    bad = x[:3].copy()
    bad[:, -1] = value
    assert np.isnan(model.score_learn(rows[:3], bad)).all()
    assert np.isnan(model.score(rows[:3], bad)).all()
    assert model.refused == 3
    assert model.dump(0) == before
    mixed = np.concatenate([bad, x[3:4]])
    expected = model.score(rows[:1], x[3:4])
    np.testing.assert_array_equal(model.score_learn(rows[:4], mixed)[3:], expected)


@every_model
def test_an_empty_batch_is_fine(make: Make) -> None:
    model = make(1)
    nothing = np.zeros(0, np.intp), np.zeros((0, model.features))
    assert len(model.score_learn(*nothing)) == 0
    assert len(model.score(*nothing)) == 0


@every_model
def test_reset_is_new(make: Make) -> None:
    """After a restart of the instance the row is reset, and its neighbours are not."""
    model = make(3)
    keys, x = records(7, 120, 3, model.features)
    model.score_learn(keys, x)
    kept = model.dump(2)
    model.reset(np.array([0, 1]))
    new = make(1)
    assert model.dump(0) == model.dump(1) == new.dump(0) != kept
    assert model.dump(2) == kept
    zero = np.zeros(len(x), np.intp)
    np.testing.assert_array_equal(model.score_learn(zero, x), new.score_learn(zero, x))


@pytest.mark.parametrize("refused", [0.0, 0.1])
@pytest.mark.parametrize("name", [name for name in FLEET if name != "half_space_trees"])
def test_a_fresh_record_meets_a_new_row(name: str, refused: float) -> None:
    """A refused record makes its row new, too."""
    model, expected = FLEET[name](3), FLEET[name](3)
    rows, x = records(10, 150, 3, model.features)
    rng = np.random.default_rng(10)
    fresh, learn = rng.random(150) < 0.1, rng.random(150) >= refused
    x[rng.random(150) < refused] = np.nan
    scores = model.score_learn(rows, x, learn, fresh=fresh)
    for i in range(150):
        if fresh[i]:
            expected.reset(rows[i : i + 1])
        one = slice(i, i + 1)
        np.testing.assert_array_equal(scores[one], expected.score_learn(rows[one], x[one], learn[one]))
    assert dumps(model, 3) == dumps(expected, 3)


@every_model
def test_growing_keeps_rows(make: Make) -> None:
    model = make(2)
    keys, x = records(8, 80, 2, model.features)
    model.score_learn(keys, x)
    before = dumps(model, 2)
    model.grow(5)
    assert dumps(model, 2) == before
    assert model.dump(4) == make(1).dump(0)
    model.score_learn(keys + 3, x)
    assert model.dump(4) == before[1]
    with pytest.raises(ValueError, match="cannot shrink"):
        model.grow(4)


@every_name
def test_state_of_other_parameters_starts_cold(name: str) -> None:
    model, changed = FLEET[name](1), other(name, 1)
    assert model.fingerprint != changed.fingerprint
    zero = np.zeros(30, np.intp)
    model.score_learn(zero, records(9, 30, 1, model.features)[1])
    changed.score_learn(zero, records(9, 30, 1, changed.features)[1])
    with pytest.raises(FingerprintMismatch):
        changed.load(0, model.dump(0))
    assert changed.dump(0) == other(name, 1).dump(0)


@every_model
def test_corrupt_state_leaves_a_new_row(make: Make) -> None:
    model = make(1)
    model.score_learn(np.zeros(30, np.intp), records(9, 30, 1, model.features)[1])
    with pytest.raises(CorruptState):
        model.load(0, model.dump(0)[:-1])
    assert model.dump(0) == make(1).dump(0)


@every_name
def test_it_says_when_not_to_use_it(name: str) -> None:
    text = CLASSES[name].__doc__
    assert "Does not work when" in text or "Do not use it" in text
    assert f"{name}/{CLASSES[name].VERSION}" in FLEET[name](1).fingerprint
    assert set(PARAMETERS[name]) <= set(text.replace(",", " ").split())
