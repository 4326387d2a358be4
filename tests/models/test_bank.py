"""A bank in a small memory gives what an unbounded one gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.bank import BankFull, ModelBank
from processors.models.codec import CorruptState, pack, unpack
from tests.models.fleet import FLEET, other, records

NAMES = ("half_space_trees", "snarimax", "page_hinkley", "adwin", "calibration")
FACTORIES = {name: FLEET[name] for name in NAMES}
DAY = 86_400.0
ROW = ModelBank(FACTORIES, budget_bytes=10**8, forget_after=DAY).row_bytes


def bank(rows: int, spill: dict[str, bytes] | None = None, forget_after: float = DAY) -> ModelBank:
    return ModelBank(FACTORIES, budget_bytes=rows * ROW + ROW - 1, forget_after=forget_after, spill=spill)


def score(held: ModelBank, keys: list[str], times: list[float], x: Any) -> Any:
    """Score a batch by all models, one column a model."""
    found = np.full((len(keys), len(NAMES)), np.nan)
    for piece, rows in held.place(keys, times):
        for column, name in enumerate(NAMES):
            model: Any = held.models[name]
            found[piece, column] = model.score_learn(rows, x[piece, : model.features])
    return found


def stream(seed: int, count: int, keys: int) -> tuple[list[str], list[float], Any]:
    rows, x = records(seed, count, keys, 2)
    gaps = np.random.default_rng(seed).exponential(30, count)
    gaps[count // 2] = 2 * DAY
    return [f"service-{row}" for row in rows], (1e9 + np.cumsum(gaps)).tolist(), x


@given(seed=st.integers(0, 10**6), size=st.sampled_from([1, 7, 40, 200]), room=st.sampled_from([1, 2, 3, 19]))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_eviction_is_invisible(seed: int, size: int, room: int) -> None:
    keys, times, x = stream(seed, 200, 20)
    unbounded, small = bank(20), bank(room, spill={})
    expected = score(unbounded, keys, times, x)
    found = [
        score(small, keys[i : i + size], times[i : i + size], x[i : i + size]) for i in range(0, 200, size)
    ]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert len(small) == room
    assert small.evicted > 0
    assert small.forgotten == unbounded.forgotten > 0
    states = {key: small.dump(key) if key in small else small._spill[key] for key in set(keys)}  # type: ignore[index]
    assert states == {key: unbounded.dump(key) for key in set(keys)}


def test_the_budget_is_kept() -> None:
    held = bank(3, spill={})
    assert held.capacity == 3
    assert held.nbytes() <= 4 * ROW
    with pytest.raises(ValueError, match="do not hold one key"):
        ModelBank(FACTORIES, budget_bytes=ROW - 1, forget_after=DAY)
    with pytest.raises(ValueError, match="has no name"):
        ModelBank({"": FLEET["adwin"]}, budget_bytes=10**6, forget_after=DAY)


def test_a_full_bank_without_spill_says_so() -> None:
    held = bank(1)
    held.row_of("a", 0.0)
    with pytest.raises(BankFull, match="all 1 rows are taken"):
        held.row_of("b", 0.0)


def test_the_longest_unseen_goes_first_and_ties_by_name() -> None:
    held = bank(4)
    for key, time in (("d", 5.0), ("b", 1.0), ("a", 1.0), ("c", 3.0)):
        held.row_of(key, time)
    held.row_of("b", 0.5)  # a late record does not make it older
    assert [key for key, _ in held.evict_idle(3)] == ["a", "b", "c"]
    assert "d" in held
    assert len(held) == 1


def test_rows_are_reused_and_new() -> None:
    held = bank(1)
    keys, times, x = stream(1, 30, 1)
    first = score(held, keys, times, x)
    held.drop(keys[0])
    np.testing.assert_array_equal(score(held, ["other"] * 30, times, x), first)


def test_forgetting_depends_on_the_gap_of_the_own_records_only() -> None:
    held = bank(2, forget_after=100.0)
    _, _, x = stream(2, 20, 1)
    score(held, ["a"] * 20, [float(i) for i in range(20)], x)
    before = held.dump("a")
    held.row_of("b", 10_000.0)
    assert held.dump("a") == before
    held.row_of("a", 119.0)
    assert held.forgotten == 0
    held.row_of("a", 219.5)
    assert held.forgotten == 1
    new = bank(1, forget_after=100.0)
    new.row_of("a", 219.5)
    assert held.dump("a") == new.dump("a")


def test_a_batch_is_cut_where_a_key_is_forgotten_in_it() -> None:
    held = bank(2, forget_after=100.0)
    placed = held.place(["a", "b", "a", "a"], [0.0, 0.0, 50.0, 151.0])
    assert [(piece.start, piece.stop) for piece, _ in placed] == [(0, 3), (3, 4)]


def test_a_state_of_other_parameters_starts_that_model_cold_and_is_counted() -> None:
    held = bank(1)
    keys, times, x = stream(3, 60, 1)
    score(held, keys, times, x)
    key, state = keys[0], held.dump(keys[0])
    changed = ModelBank(
        {
            **FACTORIES,
            "snarimax": lambda capacity: other("snarimax", capacity),
            "ew_stats": FLEET["ew_stats"],
        },
        budget_bytes=10**6,
        forget_after=DAY,
    )
    changed.load(key, state)
    cold = {name: count for name, count in changed.cold_starts.items() if count}
    assert cold == {"snarimax": 1, "ew_stats": 1}
    kept, parts = unpack(changed.dump(key)), unpack(state)
    assert [name for name in NAMES if kept[name] == parts[name]] == [n for n in NAMES if n != "snarimax"]


def test_what_cannot_be_read_is_not_held() -> None:
    held = bank(1)
    keys, times, x = stream(4, 30, 1)
    score(held, keys, times, x)
    parts = unpack(held.evict(keys[0]))
    for wrong in (b"", pack({**parts, "": b"1"}), pack({**parts, "adwin": parts["adwin"][:-1]})):
        with pytest.raises(CorruptState):
            held.load("key", wrong)
        assert "key" not in held
    held.load("key", pack(parts))
    assert unpack(held.dump("key")) == parts
