"""Every part of a service's state: many rows are dumped and loaded as each row alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import kernels
from processors.calibration import Calibrations
from processors.evidence.engine import Evidence
from tests.evidence.support import samples
from tests.models.fleet import FLEET, records

ROWS, RECORDS = 6, 300
METHODS = ("half_space_trees", "snarimax")


def calibrations() -> Calibrations:
    part = Calibrations(ROWS, METHODS)
    rows, x = records(1, RECORDS, ROWS - 1, len(METHODS))
    part.score_learn(rows, x, np.ones(RECORDS, np.bool_))
    return part


def evidence() -> Evidence:
    engine = Evidence(ROWS, ROWS)
    rows, x = records(1, RECORDS, ROWS - 1, 1)
    engine.observe(rows, rows, samples(1.7e9 + 60.0 * np.arange(float(RECORDS)), x[:, 0]))
    return engine


def model(name: str) -> Any:
    part = FLEET[name](ROWS)
    part.score_learn(*records(1, RECORDS, ROWS - 1, part.features))
    return part


NEW: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: FLEET[name](ROWS) for name in FLEET},  # type: ignore[misc]
    "calibrations": lambda: Calibrations(ROWS, METHODS),
    "evidence": lambda: Evidence(ROWS, ROWS).instances,
    "normal": lambda: Evidence(ROWS, ROWS).services,
}


@cache
def filled(name: str) -> Any:
    """Return a part with a state of its own in each row; the last row is new."""
    if name == "calibrations":
        return calibrations()
    if name in ("evidence", "normal"):
        return evidence().instances if name == "evidence" else evidence().services
    return model(name)


every_part = pytest.mark.parametrize("name", NEW)
a_row = st.integers(0, ROWS - 1)


@every_part
@given(rows=st.lists(a_row, max_size=9))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_many_rows_are_dumped_as_each_alone(name: str, rows: list[int]) -> None:
    part, wanted = filled(name), np.array(rows, np.intp)
    alone = [part.dump(row) for row in rows]
    assert part.dump_many(wanted) == alone
    with kernels.without():
        assert part.dump_many(wanted) == alone


@every_part
@given(order=st.permutations(range(ROWS)), bad=st.sets(a_row), at=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_states_that_are_refused_leave_new_rows_among_the_others(
    name: str, order: list[int], bad: set[int], at: int
) -> None:
    good = filled(name).dump_many(np.arange(ROWS))
    states = [damaged(state, at + place) if place in bad else state for place, state in enumerate(good)]
    part, alone, new = NEW[name](), NEW[name](), NEW[name]().dump(0)
    used = filled(name).dump(0)
    assert part.load_many(np.arange(ROWS), [used] * ROWS) == 0
    assert part.load_many(np.array(order), states) == len(bad)
    for place, (row, state) in enumerate(zip(order, states, strict=True)):
        if place in bad:
            with pytest.raises(ValueError, match=r"."):
                alone.load(row, state)
        else:
            alone.load(row, state)
        assert part.dump(row) == alone.dump(row) == (new if place in bad else good[place])


def damaged(state: bytes, at: int) -> bytes:
    """Return a state with one of its last bytes changed, or without its end."""
    if at % 3 == 0:
        return state[: at % len(state)]
    return state[: -1 - at % 8] + bytes([state[-1 - at % 8] ^ 1]) + state[len(state) - at % 8 :]


@pytest.mark.parametrize("name", FLEET)
def test_used_rows_go_on_from_the_states_that_were_loaded(name: str) -> None:
    used, new = model(name), NEW[name]()
    states = filled(name).dump_many(np.arange(ROWS))[::-1]
    following = records(2, RECORDS, ROWS, used.features)
    for part in (used, new):
        assert part.load_many(np.arange(ROWS), states) == 0
    np.testing.assert_array_equal(used.score_learn(*following), new.score_learn(*following))
    assert used.dump_many(np.arange(ROWS)) == new.dump_many(np.arange(ROWS))


@every_part
def test_nothing_is_dumped_and_loaded_of_no_rows(name: str) -> None:
    part, nothing = filled(name), np.zeros(0, np.intp)
    assert part.dump_many(nothing) == []
    assert part.load_many(nothing, []) == 0
