"""Poison: whichever records make a role fail, they and no others are kept apart."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.stream import Record, Rejected
from fleetleak.stream.errors import TooMuchPoison
from fleetleak.stream.poison import MOST, Poison
from tests.unit.strategies import REPEATABLE

LIMIT = 1000


def record(offset: int, value: bytes | None = b"x", partition: int = 0) -> Record:
    return Record(partition, offset, b"key", value, 0.0)


class Picky:
    """A role that fails on some offsets, run as the runtime runs one: restored and tried again."""

    def __init__(self, bad: set[int]) -> None:
        self._bad = bad
        self.poison = Poison()
        self.failures = 0

    def apply(self, records: Sequence[Record]) -> tuple[list[int], list[Rejected]]:
        while True:
            usable, rejected = self.poison.sift(records, LIMIT)
            try:
                return self._once(usable), rejected
            except RuntimeError:
                self.failures += 1

    def _once(self, usable: Sequence[Record]) -> list[int]:
        applied: list[int] = []
        for batch in self.poison.cut(usable):
            offsets = [one.offset for one in batch]
            if self._bad.intersection(offsets):
                error = RuntimeError("on purpose")
                self.poison.suspect(batch, error)
                raise error
            applied += offsets
        return applied


@REPEATABLE
@given(st.sets(st.integers(0, 29)))
def test_exactly_the_culprits_are_rejected(bad: set[int]) -> None:
    role = Picky(bad)
    applied, rejected = role.apply([record(offset) for offset in range(30)])
    assert applied == [offset for offset in range(30) if offset not in bad]
    assert [one.record.offset for one in rejected] == sorted(bad)
    assert {(one.reason, one.message) for one in rejected} <= {("failed", "RuntimeError: on purpose")}
    assert role.failures == (len(bad) + 1 if bad else 0), "once as a batch, then once each"


def test_a_batch_cut_otherwise_is_searched_all_the_same() -> None:
    poison = Poison()
    records = [record(offset) for offset in range(4)]
    poison.suspect(records, RuntimeError("x"))
    assert [len(batch) for batch in poison.cut(records[:2])] == [1, 1]
    assert [len(batch) for batch in poison.cut(records[2:])] == [1, 1]
    assert [len(batch) for batch in poison.cut(records)] == [4]


def test_suspicion_ends_with_the_culprit() -> None:
    poison = Poison()
    records = [record(offset) for offset in range(10)]
    poison.suspect(records, RuntimeError("x"))
    poison.suspect([records[3]], RuntimeError("x"))
    usable, _ = poison.sift(records, LIMIT)
    assert [len(batch) for batch in poison.cut(usable)] == [1] * 9
    assert [len(batch) for batch in poison.cut(records)] == [10]


def test_suspects_that_never_come_again_slow_nothing_down() -> None:
    poison = Poison()
    poison.suspect([record(offset, partition=1) for offset in range(4)], RuntimeError("x"))
    assert [len(batch) for batch in poison.cut([record(offset) for offset in range(4)])] == [4]


def test_no_records_are_no_batch() -> None:
    assert list(Poison().cut([])) == []


def test_the_same_offset_of_another_partition_is_not_poison() -> None:
    poison = Poison()
    poison.suspect([record(5)], RuntimeError("x"))
    usable, rejected = poison.sift([record(5), record(5, partition=1)], LIMIT)
    assert ([r.partition for r in usable], [r.record.partition for r in rejected]) == ([1], [0])


def test_what_is_too_large_is_rejected_untouched() -> None:
    records = [record(0, b"x" * LIMIT), record(1, b"x" * (LIMIT + 1)), record(2, None)]
    usable, rejected = Poison().sift(records, LIMIT)
    assert list(usable) == [records[0], records[2]]
    assert rejected == [Rejected(records[1], "oversized", f"{LIMIT + 1} bytes; the most is {LIMIT}")]


def test_a_role_that_fails_on_everything_ends() -> None:
    poison = Poison()
    for offset in range(MOST):
        poison.suspect([record(offset)], RuntimeError("x"))
    with pytest.raises(TooMuchPoison, match=r"more than 1000 records .* the last: ValueError: broken"):
        poison.suspect([record(MOST)], ValueError("broken"))


def test_what_may_be_secret_is_not_in_the_reason_but_the_place_in_the_code_is() -> None:
    poison = Poison(is_secret=True)
    try:
        int("hunter2")
    except ValueError as error:
        why = poison.suspect([record(3)], error)
    assert why.startswith("ValueError in test_what_may_be_secret")
    assert "hunter2" not in why
    assert poison.sift([record(3)], LIMIT)[1][0].message == why
