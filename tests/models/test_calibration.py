"""Probabilities occur as often as they say, on scores with heavy tails and memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from processors.calibration import Calibration
from processors.columns import Floats

KEYS, RECORDS = 40, 5_000
Draw = Callable[[np.random.Generator], Floats]


def student(rng: np.random.Generator) -> Floats:
    return np.abs(rng.standard_t(3, (RECORDS, KEYS)))


def lognormal(rng: np.random.Generator) -> Floats:
    return rng.lognormal(0, 1, (RECORDS, KEYS))


def _filtered(rng: np.random.Generator, memory: float, noise: float) -> Floats:
    x = rng.normal(0, noise, (RECORDS, KEYS))
    for t in range(1, RECORDS):
        x[t] += memory * x[t - 1]
    return x


def autocorrelated(rng: np.random.Generator) -> Floats:
    return np.abs(_filtered(rng, 0.8, 1.0))


def changing_spread(rng: np.random.Generator) -> Floats:
    return np.abs(rng.normal(size=(RECORDS, KEYS))) * np.exp(_filtered(rng, 0.95, 0.2))


def exponential_of_a_bounded_score(rng: np.random.Generator) -> Floats:
    return -np.log(1 - rng.random((RECORDS, KEYS)))


def probabilities(raw: Floats, unit: float = 1.0) -> Floats:
    model = Calibration(raw.shape[1], resolution=1e-9 * unit)
    rows = np.arange(raw.shape[1])
    return np.stack([model.score_learn(rows, record[:, None] * unit) for record in raw])


@pytest.mark.parametrize(
    "draw", [student, lognormal, autocorrelated, changing_spread, exponential_of_a_bounded_score]
)
def test_probabilities_occur_as_often_as_they_say(draw: Draw) -> None:
    p = probabilities(draw(np.random.default_rng(1)))
    known = p[~np.isnan(p)]
    assert len(known) == (RECORDS - 60) * KEYS
    for nominal in (1e-2, 1e-3):
        assert 0.5 <= (known <= nominal).mean() / nominal <= 2


def test_the_unit_of_the_score_does_not_matter() -> None:
    raw = lognormal(np.random.default_rng(2))[:1_000, :5]
    np.testing.assert_array_equal(probabilities(raw), probabilities(raw, unit=2.0**30))


def test_higher_scores_are_never_more_likely() -> None:
    model = Calibration(1)
    raw = np.random.default_rng(3).lognormal(size=2_000)
    model.score_learn(np.zeros(2_000, np.intp), raw[:, None])
    p = model.score(np.zeros(500, np.intp), np.linspace(0, 60, 500)[:, None])
    assert (np.diff(p) <= 0).all()
    assert p[0] > 0.5
    assert p[-1] < 1e-3


def test_no_more_is_claimed_than_was_seen() -> None:
    model = Calibration(1)
    rng = np.random.default_rng(4)
    for n in range(1, 300):
        model.score_learn(np.zeros(1, np.intp), rng.exponential(size=(1, 1)))
        (p,) = model.score(np.zeros(1, np.intp), np.array([[1e9]]))
        assert np.isnan(p) if n < 60 else p >= 1 / (n + 1)


def test_one_extreme_teaches_little() -> None:
    raw = np.random.default_rng(5).exponential(size=3_000)
    zero = np.zeros(3_000, np.intp)
    grid = np.linspace(0, 12, 50)[:, None]
    p = []
    for extreme in (3.0, 1e6, 1e12):
        model = Calibration(1)
        model.score_learn(zero, raw[:, None])
        model.score_learn(zero[:1], np.array([[extreme]]))
        p.append(model.score(zero[:50], grid))
    assert np.abs(np.log(p[1] / p[0])).max() < np.log(5)
    np.testing.assert_array_equal(p[2], p[1])


def test_a_run_of_extremes_stays_extreme_for_a_while() -> None:
    model = Calibration(1)
    raw = np.append(np.random.default_rng(6).exponential(size=3_000), np.full(20, 100.0))
    p = model.score_learn(np.zeros(3_020, np.intp), raw[:, None])
    assert p[3_000] <= 1e-3
    assert (p[3_000:] <= 1e-2).all()


def test_a_constant_score_is_usual_and_its_first_change_is_not() -> None:
    model = Calibration(1)
    zero = np.zeros(500, np.intp)
    p = model.score_learn(zero, np.zeros((500, 1)))
    assert (p[60:] > 0.5).all() or (p[60:] >= 0.05).all()
    noise, change = model.score(zero[:2], np.array([[1e-12], [0.1]]))
    assert noise >= 0.05
    assert change == pytest.approx(1 / 501)


@pytest.mark.parametrize("wrong", [{"level": 0.5}, {"warm_up": 0}, {"memory": 0}, {"resolution": 0.0}])
def test_impossible_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Calibration(1, **wrong)  # type: ignore[arg-type]
