"""Tables of commands: they fit, and names stay apart."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak_app.tables import render, shorten
from tests.unit.strategies import REPEATABLE

COLUMNS = {"name": "service", "count": "count", "note": ""}


def row(name: str, count: float | None = 1, note: str = "") -> dict[str, object]:
    return {"name": name, "count": count, "note": note}


def test_numbers_stand_to_the_right_and_what_is_none_is_a_dash() -> None:
    assert render([row("a", 5), row("bb", None), row("c", 1234.5678)], COLUMNS, 80).splitlines() == [
        "service  count",
        "a            5",
        "bb           -",
        "c         1235",
    ]


def test_without_rows_there_is_the_header() -> None:
    assert render([], COLUMNS, 80) == "service  count"


def test_the_widest_column_is_shortened_in_its_middle() -> None:
    lines = render([row("process/payments-eu-1"), row("process/payments-us-1")], COLUMNS, 24).splitlines()
    assert all(len(line) <= 24 for line in lines)
    assert lines[1] != lines[2], "what tells them apart is kept"


@REPEATABLE
@given(st.lists(st.text("abc/-", max_size=200), max_size=5), st.integers(40, 200))
def test_every_line_fits(names: list[str], width: int) -> None:
    rows: list[Mapping[str, object]] = [row(name, 10**9, "speaks") for name in names]
    assert all(len(line) <= width for line in render(rows, COLUMNS, width).splitlines())


@pytest.mark.parametrize("width", [8, 9, 20])
def test_a_short_name_is_as_long_as_asked(width: int) -> None:
    short = shorten("x" * 10 + "y" * 20, width)
    assert len(short) == width
    assert (short[0], short[-1]) == ("x", "y")
