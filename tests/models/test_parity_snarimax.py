"""SNARIMAX forecasts what River forecasts, one step and many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import time_series

from processors.models.conversion import from_river, to_river
from processors.models.snarimax import SNARIMAX
from tests.models.parity import ROWS, RUNS, compare
from tests.models.streams import Stream, assert_same, random

pytestmark = pytest.mark.usefixtures("either_way")

ORDERS: list[dict[str, Any]] = [
    {"p": 3, "d": 1, "q": 2},
    {"p": 8, "d": 1, "q": 4},
    {"p": 2, "d": 1, "q": 1, "m": 12, "sp": 2, "sd": 1, "sq": 1},
    {"p": 2, "d": 0, "q": 3, "m": 4, "sp": 1, "sd": 2},
    {"p": 0, "d": 0, "q": 0},
    {"p": 1, "d": 2, "q": 0},
]


def observe(river: Any, record: list[float]) -> float:
    forecast = float(river.forecast(1)[0])
    river.learn_one(record[0])
    return forecast


def name(orders: dict[str, Any]) -> str:
    return "-".join(f"{key}{value}" for key, value in orders.items())


@pytest.mark.parametrize("regressor", ["stable", "river-default"])
@pytest.mark.parametrize("orders", ORDERS, ids=name)
@pytest.mark.parametrize(("stream", "seed"), RUNS.values(), ids=RUNS)
def test_forecasts_are_rivers(stream: Stream, seed: int, orders: dict[str, Any], regressor: str) -> None:
    compare(SNARIMAX(ROWS, **orders, regressor=regressor), observe, stream, seed=seed, records=400)


@pytest.mark.parametrize("orders", ORDERS, ids=name)
def test_forecasts_of_many_steps_are_rivers(orders: dict[str, Any]) -> None:
    model = SNARIMAX(ROWS, **orders)
    rows, x = random(np.random.default_rng(3), 300, ROWS, 1)
    rivers = [to_river(model, row) for row in range(ROWS)]
    for begin in range(0, 300, 30):
        theirs: Any = [river.forecast(15) for river in rivers]
        assert_same(model.forecast(np.arange(ROWS), 15), np.array(theirs, dtype=np.float64))
        model.score_learn(rows[begin : begin + 30], x[begin : begin + 30])
        for i in range(begin, begin + 30):
            rivers[rows[i]].learn_one(float(x[i, 0]))


def test_the_default_regressor_survives_a_step_after_quiet() -> None:
    """River's own multiplies its error by thousands; ours stays within the series' range."""
    rng = np.random.default_rng(0)
    series = np.where(np.arange(600) < 300, 0.2, 0.6) + rng.normal(0, 1e-4, 600)
    rows = np.zeros(600, dtype=np.intp)
    errors = {
        regressor: np.abs(
            SNARIMAX(1, p=3, d=1, q=2, regressor=regressor).score_learn(rows, series[:, None]) - series
        )[10:]
        for regressor in ("stable", "river-default")
    }
    assert errors["stable"].max() < 1
    assert errors["river-default"].max() > 1000


def test_other_models_are_refused() -> None:
    model = SNARIMAX(1, p=1, d=1, q=0)
    with pytest.raises(ValueError, match="other orders"):
        from_river(model, 0, time_series.SNARIMAX(2, 1, 0))
    with pytest.raises(ValueError, match="regressor"):
        from_river(model, 0, time_series.SNARIMAX(1, 1, 0))
    with pytest.raises(ValueError, match="not one of stable, river-default"):
        SNARIMAX(1, p=1, d=1, q=0, regressor="other")
