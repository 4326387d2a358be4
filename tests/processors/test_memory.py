"""Which memory counts, which limit applies, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from fleetleak.records import Snapshot
from fleetleak.records.memory import growable, unnamed
from processors.memory import HOST_AVAILABLE, sizes

MIB, GIB = 2**20, 2**30


def _snapshot(**fields: Any) -> Snapshot:
    return Snapshot(service="s", instance="i", timestamp=0.0, **fields)


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
    found = sizes(
        _snapshot(used=GIB, total=16 * GIB, limit=1024 * GIB, limit_name="memory.max", limit_used=9)
    )
    assert found is not None
    assert (found.limit, found.name, found.left) == (16 * GIB, "total", 15 * GIB)


def test_the_host_can_have_less_than_the_limit_leaves() -> None:
    found = sizes(_snapshot(scope="container", used=GIB, limit=4 * GIB, limit_used=GIB, available=GIB))
    assert found is not None
    assert (found.limit, found.left, found.name, found.end) == (4 * GIB, GIB, HOST_AVAILABLE, 2 * GIB)


def test_what_a_host_has_available_is_its_own_limit() -> None:
    found = sizes(
        _snapshot(scope="host", used=3 * GIB, limit=4 * GIB, limit_used=3 * GIB, available=GIB // 2)
    )
    assert found is not None
    assert (found.left, found.name) == (GIB, "limit")


def test_pages_in_use_count_whatever_the_source_says() -> None:
    found = sizes(_snapshot(scope="host", used=0, anon=2 * GIB, limit=4 * GIB, limit_used=0))
    assert found is not None
    assert found.left == 2 * GIB


@pytest.mark.parametrize("fields", [{"used": GIB}, {"limit": GIB}, {"used": GIB, "limit": 0, "total": 0}])
def test_without_memory_or_limit_nothing_is_said(fields: dict[str, int]) -> None:
    assert sizes(_snapshot(**fields)) is None
