"""Of two series of one instance, the one that began later wins."""

from __future__ import annotations

import pytest

from producers.prometheus.order import Order
from producers.prometheus.series import Points, Window
from tests.prometheus.support import BEGIN, MEMORY, series

HOUR = 3600.0
OLD, NEW = {"id": "z"}, {"id": "a"}


def ordered(order: Order, first: int, *every: Points) -> list[str]:
    """Return the ids of series in a window of ten hours that begins after `first` hours."""
    return [one.labels["id"] for one in order.of(MEMORY, every, Window(BEGIN + first * HOUR, HOUR, 10))]


def test_the_series_that_began_later_is_the_last() -> None:
    assert ordered(Order(), 0, series(NEW, [1], first=1), series(OLD, [1, 1, 1])) == ["z", "a"]


def test_of_two_that_began_together_the_labels_decide() -> None:
    assert ordered(Order(), 0, series(OLD, [1, 1]), series(NEW, [1])) == ["a", "z"]


def test_a_series_without_points_is_left_out() -> None:
    assert ordered(Order(), 0, series(NEW, []), series(OLD, [1])) == ["z"]


@pytest.mark.parametrize(("silent", "order"), [(23, ["z", "a"]), (25, ["a", "z"])])
def test_when_a_series_began_is_remembered_for_a_day_of_silence(silent: int, order: list[str]) -> None:
    seen = Order()
    assert ordered(seen, 0, series(OLD, [1])) == ["z"]
    assert ordered(seen, 1, series(NEW, [1])) == ["a"]
    seen.forget(BEGIN + (silent - 1) * HOUR)
    ordered(seen, silent - 1, series(NEW, [1]))
    seen.forget(BEGIN + silent * HOUR)
    assert ordered(seen, silent, series(OLD, [1]), series(NEW, [1])) == order


def test_each_metric_has_its_own_order() -> None:
    seen = Order()
    ordered(seen, 0, series(OLD, [1]))
    both = [series(OLD, [1]), series(NEW, [1])]
    assert [one.labels["id"] for one in seen.of("other", both, Window(BEGIN + HOUR, HOUR, 10))] == ["a", "z"]
    assert ordered(seen, 1, *both) == ["z", "a"]


def test_a_series_that_goes_on_for_days_is_still_the_older_one() -> None:
    seen = Order()
    ordered(seen, 0, series(OLD, [1]))
    ordered(seen, 20, series(OLD, [1]), series(NEW, [1], first=1))
    seen.forget(BEGIN + 30 * HOUR)
    assert ordered(seen, 31, series(NEW, [1]), series(OLD, [1])) == ["z", "a"]
