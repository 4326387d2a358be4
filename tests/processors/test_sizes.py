"""Which memory counts, which limit applies, and what is left."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from fleetleak.records import Snapshot
from fleetleak.records.memory import growable, unnamed
from fleetleak.records.types import MOST_BYTES, Scope
from processors.decode.row import INTS
from processors.decode.sizes import limit_name, sizes_of

MIB, GIB = 2**20, 2**30


def _snapshot(**fields: Any) -> Snapshot:
    return Snapshot(service="s", instance="i", timestamp=0.0, **fields)


class Sized(NamedTuple):
    """The sizes of one snapshot."""

    memory: int
    limit: int
    used: int
    left: int
    name: str
    end: int


def _sized(*snapshots: Snapshot) -> list[Sized | None]:
    found = sizes_of(snapshots)
    own = [snapshot.limit_name for snapshot in snapshots]
    names = map(limit_name, found.name.tolist(), own)
    numbers = (column.tolist() for column in (found.memory, found.limit, found.used, found.left))
    known = zip(*numbers, names, found.end.tolist(), found.known.tolist(), strict=True)
    return [Sized(*values) if there else None for *values, there in known]


def _one(**fields: Any) -> Sized:
    (found,) = _sized(_snapshot(**fields))
    assert found is not None
    return found


def test_what_is_in_use_and_has_no_name_is_watched() -> None:
    known = {"anon": 100 * MIB, "file": 20 * MIB, "slab_unreclaimable": 5 * MIB}
    container = _snapshot(scope="container", used=400 * MIB, **known)
    assert unnamed(container) == 275 * MIB
    assert growable(container) == 380 * MIB


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "container", "used": GIB, "anon": MIB},  # the page cache is not known
        {"scope": "process", "used": GIB, "anon": MIB, "file": MIB},  # shared memory
        {"scope": "host", "used": GIB, "anon": MIB, "file": MIB},  # `used` of a host is not all in use
        {"scope": "unit", "used": MIB, "anon": MIB, "file": MIB},  # counters of two moments
    ],
)
def test_what_cannot_be_told_is_not_made_up(fields: dict[str, Any]) -> None:
    assert unnamed(_snapshot(**fields)) == 0


def test_a_host_tells_by_what_is_not_free() -> None:
    host = _snapshot(scope="host", total=10 * GIB, free=4 * GIB, used=3 * GIB, anon=2 * GIB, file=GIB)
    assert unnamed(host) == 3 * GIB


def test_a_limit_that_cannot_be_reached_is_none() -> None:
    found = _one(used=GIB, total=16 * GIB, limit=1024 * GIB, limit_name="memory.max", limit_used=9)
    assert (found.limit, found.name, found.left) == (16 * GIB, "total", 15 * GIB)


def test_the_host_can_have_less_than_the_limit_leaves() -> None:
    found = _one(scope="container", used=GIB, limit=4 * GIB, limit_used=GIB, available=GIB)
    assert (found.limit, found.left, found.name, found.end) == (4 * GIB, GIB, "host_available", 2 * GIB)


def test_what_a_host_has_available_is_its_own_limit() -> None:
    found = _one(scope="host", used=3 * GIB, limit=4 * GIB, limit_used=3 * GIB, available=GIB // 2)
    assert (found.left, found.name) == (GIB, "limit")


def test_pages_in_use_count_whatever_the_source_says() -> None:
    found = _one(scope="host", used=0, anon=2 * GIB, limit=4 * GIB, limit_used=0)
    assert found.left == 2 * GIB


@pytest.mark.parametrize("fields", [{"used": GIB}, {"limit": GIB}, {"used": GIB, "limit": 0, "total": 0}])
def test_without_memory_or_limit_nothing_is_said(fields: dict[str, int]) -> None:
    assert _sized(_snapshot(**fields)) == [None]


SIZES = st.none() | st.integers(0, 5) | st.integers(0, MOST_BYTES)
ANY = st.fixed_dictionaries(
    {name: SIZES for name in INTS if name not in ("faults_minor", "oom_kills")}
    | {"scope": st.sampled_from(get_args(Scope))}
)


@generated(st.lists(ANY, min_size=1, max_size=20))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_columns_agree_with_the_definition_for_one_snapshot(many: list[dict[str, Any]]) -> None:
    snapshots = [_snapshot(**fields) for fields in many]
    for one, found in zip(snapshots, _sized(*snapshots), strict=True):
        memory = growable(one)
        if memory is None or not (one.limit or one.total):
            assert found is None
            continue
        assert found is not None
        assert found.memory == memory
        assert found.limit == (min(one.limit, one.total or one.limit) if one.limit else one.total)
        assert found.used >= (one.anon or 0)
        assert 0 <= found.left <= max(0, found.limit - found.used)
        if one.scope != "host" and one.available is not None:
            assert found.left <= one.available
