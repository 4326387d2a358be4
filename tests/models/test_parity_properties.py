"""Whatever the values and however they are cut: a model in columns is River's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.models import (
    ADWIN,
    SNARIMAX,
    EWStats,
    GaussianScorer,
    HalfSpaceTrees,
    MinMaxScaler,
    PageHinkley,
    StandardScaler,
)
from tests.models import (
    test_parity_drift,
    test_parity_half_space_trees,
    test_parity_snarimax,
    test_parity_statistics,
)
from tests.models.parity import ROWS, Observe, compare_cut
from tests.models.streams import FINITE, PARITY, cut_batches

pytestmark = pytest.mark.usefixtures("either_way")

trees, forecast = test_parity_half_space_trees.observe, test_parity_snarimax.observe
flag, transform = test_parity_drift.observe, test_parity_statistics.transform
score = test_parity_statistics.score

SMALL_TREES: dict[str, Any] = {"n_trees": 3, "height": 4, "window_size": 3, "seed": 3}
SEASONAL: dict[str, Any] = {"p": 1, "d": 1, "q": 1, "m": 3, "sp": 1, "sd": 1, "sq": 1}

MODELS: dict[str, tuple[Callable[[], Any], Observe]] = {
    "half-space-trees": (lambda: HalfSpaceTrees(ROWS, **SMALL_TREES), trees),
    "half-space-trees-of-two": (lambda: HalfSpaceTrees(ROWS, features=2, **SMALL_TREES), trees),
    "snarimax": (lambda: SNARIMAX(ROWS, p=2, d=1, q=1), forecast),
    "snarimax-seasonal": (lambda: SNARIMAX(ROWS, **SEASONAL), forecast),
    "snarimax-river-default": (lambda: SNARIMAX(ROWS, p=2, d=1, q=1, regressor="river-default"), forecast),
    "ew": (lambda: EWStats(ROWS, fading_factor=0.2), transform),
    "ew-of-two": (lambda: EWStats(ROWS, features=2, fading_factor=0.001), transform),
    "minmax": (lambda: MinMaxScaler(ROWS, features=2), transform),
    "standard": (lambda: StandardScaler(ROWS, features=2), transform),
    "centred": (lambda: StandardScaler(ROWS, with_std=False), transform),
    "gaussian": (lambda: GaussianScorer(ROWS, grace_period=3), score),
    "page-hinkley": (lambda: PageHinkley(ROWS, threshold=0.1, min_instances=3), flag),
    "page-hinkley-down": (lambda: PageHinkley(ROWS, threshold=0.3, min_instances=3, mode="down"), flag),
    "adwin": (lambda: ADWIN(ROWS, delta=0.5, clock=1, grace_period=2, min_window_length=1), flag),
}
# beyond shares of a limit it may overflow: River then forecasts NaN, and a row does not
NARROW = {"snarimax-river-default": st.floats(0, 1, width=16)}


@pytest.mark.parametrize("name", MODELS, ids=lambda name: f"{name}-{PARITY}")
@given(data=st.data(), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_scores_are_rivers(name: str, data: st.DataObject, seed: int) -> None:
    make, observe = MODELS[name]
    model = make()
    batch = data.draw(cut_batches(ROWS, model.features, NARROW.get(name, FINITE)))
    compare_cut(model, observe, batch, seed=seed)
