"""Drift flags are River's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import drift

from processors.models import ADWIN, PageHinkley
from processors.models.conversion import from_river
from tests.models.parity import ROWS, RUNS, compare
from tests.models.streams import Stream

pytestmark = pytest.mark.usefixtures("either_way")


def observe(river: Any, record: list[float]) -> float:
    river.update(record[0])
    return float(river.drift_detected)


CASES = {
    "page-hinkley": lambda: PageHinkley(ROWS, threshold=0.2, min_instances=5),
    "page-hinkley-up": lambda: PageHinkley(ROWS, threshold=0.2, min_instances=5, mode="up"),
    "page-hinkley-down": lambda: PageHinkley(ROWS, threshold=0.2, alpha=0.99, mode="down"),
    "adwin": lambda: ADWIN(ROWS, clock=4),
    "adwin-wide": lambda: ADWIN(ROWS, delta=0.1, clock=1, max_buckets=2),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("stream", "seed"), RUNS.values(), ids=RUNS)
def test_flags_are_rivers(stream: Stream, seed: int, make: Any) -> None:
    compare(make(), observe, stream, seed=seed, records=1_500)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_a_step_is_flagged(make: Any) -> None:
    x = np.append(np.full(200, 0.2), np.full(200, 0.7))[:, None]
    rows = np.zeros(400, dtype=np.intp)
    flags = make().score_learn(rows, x) + make().score_learn(rows, x[::-1])
    assert not flags[:200].any()
    assert flags[200:].any()


def test_means_are_those_of_the_windows() -> None:
    model = ADWIN(2)
    model.score_learn(np.zeros(3, dtype=np.intp), np.array([[0.1], [0.2], [0.6]]))
    assert model.means(np.array([0, 1])) == pytest.approx([0.3, 0.0])


def test_other_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="other parameters"):
        from_river(ADWIN(1), 0, drift.ADWIN(delta=0.5))  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="other parameters"):
        from_river(PageHinkley(1), 0, drift.PageHinkley(delta=0.5))
