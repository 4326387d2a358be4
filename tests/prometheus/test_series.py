"""The grid of a window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.prometheus.series import Window
from tests.unit.strategies import REPEATABLE

BEGIN = 1_700_000_040.0
WINDOWS = st.builds(
    Window,
    # As servers are asked: in milliseconds.
    st.integers(1_500_000_000_000, 1_800_000_000_000).map(lambda ms: ms / 1000),
    st.integers(1_000, 3_600_000).map(lambda ms: ms / 1000),
    st.integers(2, 10_000),
)


def test_times_are_evenly_spaced_and_the_end_is_the_last() -> None:
    window = Window(BEGIN, 7.5, 4)
    assert [window.at(number) for number in range(4)] == [BEGIN, BEGIN + 7.5, BEGIN + 15, BEGIN + 22.5]
    assert window.end == BEGIN + 22.5


@pytest.mark.parametrize(
    ("after", "number"),
    [(0, 0), (0.001, 1), (59.999, 1), (60, 1), (60.001, 2), (120, 2), (-0.001, 0), (-60, -1)],
)
def test_a_time_belongs_to_the_first_step_not_before_it(after: float, number: int) -> None:
    assert Window(BEGIN, 60.0, 3).number(BEGIN + after) == number


@REPEATABLE
@given(WINDOWS, st.data())
def test_each_time_of_the_grid_is_its_own_step_as_a_server_rounds_it(
    window: Window, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, window.steps - 1))
    assert window.number(round(window.at(number), 3)) == number


@REPEATABLE
@given(WINDOWS)
def test_halves_are_the_whole(window: Window) -> None:
    first, second = window.halves()
    assert first.steps + second.steps == window.steps
    assert 0 <= second.steps - first.steps <= 1
    assert (first.begin, second.end) == pytest.approx((window.begin, window.end), abs=1e-5, rel=0)
    assert second.begin == window.at(first.steps)
    assert first.step == second.step == window.step


def test_a_window_of_one_step_has_an_empty_earlier_half() -> None:
    first, second = Window(BEGIN, 60.0, 1).halves()
    assert (first.steps, second) == (0, Window(BEGIN, 60.0, 1))
