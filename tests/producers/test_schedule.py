"""The grid of ticks, with a clock that the tests move."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producers.schedule import Schedule


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_no_drift_over_many_hours() -> None:
    clock = Hand(now=12345.678)
    schedule = Schedule(30.0, clock)
    began = []
    for tick in range(2000):
        clock.now += schedule.wait() + 0.004 * (tick % 3)  # wakes up a little late
        began.append(clock.now)
        clock.now += 0.02 + 0.5 * (tick % 7)  # ticks take differently long
        schedule.done()
    offsets = [at - 12345.678 - 30.0 * tick for tick, at in enumerate(began)]
    assert max(abs(offset) for offset in offsets) < 0.009
    assert schedule.skipped == 0


def test_a_tick_that_takes_too_long_skips_what_it_missed() -> None:
    clock = Hand()
    schedule = Schedule(10.0, clock)
    assert schedule.wait() == 0.0
    clock.now += 25.0
    schedule.done()
    assert schedule.skipped == 2
    assert schedule.wait() == 5.0
    clock.now += 5.0
    assert schedule.wait() == 0.0


def test_waking_up_much_too_late_skips_and_is_not_doubled() -> None:
    clock = Hand()
    schedule = Schedule(10.0, clock)
    schedule.done()
    clock.now += 10.0 + 36.0  # stopped while waiting: 1010, 1020, 1030 and 1040 are gone
    assert schedule.wait() == 4.0
    assert schedule.skipped == 4


def test_waking_up_a_little_late_is_in_time() -> None:
    clock = Hand()
    schedule = Schedule(10.0, clock)
    schedule.done()
    clock.now += 14.9
    assert schedule.wait() == 0.0
    assert schedule.skipped == 0


@given(
    st.lists(st.floats(0, 200), min_size=1, max_size=50), st.lists(st.floats(0, 40), min_size=50, max_size=50)
)
def test_every_point_of_the_grid_is_ticked_or_counted_once(durations: list[float], naps: list[float]) -> None:
    clock = Hand(now=0.0)
    schedule = Schedule(10.0, clock)
    points = []
    for duration, nap in zip(durations, naps, strict=False):
        clock.now += nap
        while wait := schedule.wait():
            clock.now += wait
        points.append(clock.now // 10.0)
        clock.now += duration
        schedule.done()
    assert len(set(points)) == len(points)
    upcoming = (clock.now + schedule.wait()) / 10.0
    assert abs(len(points) + schedule.skipped - upcoming) <= 0.51
