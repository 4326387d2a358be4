"""What docs/expect.md says of the first two hours."""

from __future__ import annotations

import pytest

from fleetleak_app.evaluation.first_hour import Told, told


@pytest.fixture(scope="module", params=[10.0, 30.0])
def found(request: pytest.FixtureRequest) -> dict[str, Told]:
    interval: float = request.param
    return told(interval)


def test_a_clean_line_is_found_in_its_first_quarter(found: dict[str, Told]) -> None:
    for name in ("5 MB/min after 5 quiet minutes", "2.5 MB/min after 15 quiet minutes"):
        fired, share = found[name].fired, found[name].share
        assert fired is not None
        assert share is not None
        assert fired < 35.0
        assert share < 0.25


def test_steps_from_the_start_are_found_before_half_of_the_limit_is_gone(found: dict[str, Told]) -> None:
    for name in ("10 MB every 2 min from its start", "5 MB/min from its start"):
        share = found[name].share
        assert share is not None
        assert share < 0.55


@pytest.mark.parametrize(
    "name", ["a cache: 120 MB in 12 min, then flat", "a step of 80 MB", "a sawtooth of 40 MB"]
)
def test_what_stops_is_not_told(found: dict[str, Told], name: str) -> None:
    assert found[name].fired is None


def test_a_cache_that_fills_for_long_is_not_told_before_a_third_of_the_limit_is_gone(
    found: dict[str, Told],
) -> None:
    share = found["a cache: 240 MB in 40 min, then flat"].share
    assert share is not None
    assert share > 0.33
