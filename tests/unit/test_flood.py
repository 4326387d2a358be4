"""The flood gate: many unreadable records pause a partition, a few do not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetleak.stream.flood import FloodGate, message
from tests.unit.strategies import REPEATABLE


def test_a_few_unreadable_records_are_no_flood() -> None:
    gate = FloodGate(least=3, ratio=0.5)
    assert not gate.flooded([True, True, False, False, False, False])
    assert not gate.flooded([True, True]), "the first two are too long ago"
    assert gate.flooded([True])


def test_it_is_clean_again_when_the_bad_ones_are_long_ago() -> None:
    gate = FloodGate(least=2, ratio=0.5)
    assert gate.flooded([True, True])
    assert not gate.flooded([False] * 4)
    assert gate.clean


def test_with_ratio_one_only_an_unbroken_run_is_a_flood() -> None:
    gate = FloodGate(least=3, ratio=1.0)
    assert not gate.flooded([True, True, False, True, True])
    assert gate.flooded([True])


@REPEATABLE
@given(
    st.integers(1, 8), st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.lists(st.lists(st.booleans(), max_size=9))
)
def test_it_counts_the_newest_records_however_they_come(
    least: int, ratio: float, batches: list[list[bool]]
) -> None:
    gate, seen = FloodGate(least, ratio), list[bool]()
    for batch in batches:
        seen += batch
        newest = seen[-int(least / ratio) :]
        assert gate.flooded(batch) == (sum(newest) >= least)
        assert gate.clean == (not any(newest))


def test_the_message_says_where_and_what_to_do() -> None:
    told = message("t.snapshots", 3, 42)
    assert told.startswith("partition 3 of t.snapshots is paused at offset 42: ")
    assert told.endswith("Repair the writer or upgrade this role, then restart it")
