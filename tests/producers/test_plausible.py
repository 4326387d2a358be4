"""Impossible values are left out, never changed into others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleetleak.records import Snapshot
from producers.host.reader import IMPOSSIBLE, MALFORMED
from producers.plausible import drop_impossible
from tests.producers.trees import context_of, sample

GIB = 2**30
PLAIN: dict[str, Any] = {"total": 16 * GIB, "limit": None, "limit_used": None, "started": None}


@pytest.mark.parametrize(
    ("values", "dropped"),
    [
        ({"available": 17 * GIB}, ["available"]),
        ({"free": 17 * GIB}, ["free"]),
        ({"used": -1}, ["used"]),
        ({"anon": 2**60}, []),
        ({"anon": 2**60 + 1}, ["anon"]),
        ({"faults_minor": 2**63 - 1}, []),
        ({"faults_major": 2**63}, ["faults_major"]),
        ({"faults_minor": -3}, ["faults_minor"]),
        ({"oom_kills": 2**64}, ["oom_kills"]),
        ({"cpu_seconds": 1e15}, []),
        ({"cpu_seconds": float("inf")}, ["cpu_seconds"]),
        ({"cpu_seconds": float("nan")}, ["cpu_seconds"]),
        ({"started": 1e11}, []),
        ({"started": 1.1e11}, ["started"]),
        ({"started": float("nan")}, ["started"]),
        ({"started": -1.0}, ["started"]),
        ({"total": 0, "free": 5}, ["free", "total"]),
        ({"limit": 0, "limit_used": 4}, ["limit", "limit_used"]),
        ({"limit": GIB, "limit_used": -4}, ["limit_used"]),
        ({"limit": GIB, "limit_used": 2 * GIB}, []),
        ({"limit_used": 4}, ["limit_used"]),
    ],
)
def test_what_cannot_be_is_dropped(values: dict[str, Any], dropped: list[str]) -> None:
    left = {**PLAIN, **values}
    assert drop_impossible(left, host=True) == dropped
    assert left == {**PLAIN, **values, **dict.fromkeys(dropped)}


def test_of_others_what_is_available_is_the_hosts() -> None:
    values = {**PLAIN, "total": GIB, "available": 9 * GIB}
    assert drop_impossible(values, host=False) == []


def host_with(tmp_path: Path, meminfo: str, vmstat: str = "") -> tuple[Snapshot, dict[str, int]]:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(meminfo)
    (tmp_path / "proc/vmstat").write_text(vmstat)
    (tmp_path / "proc/stat").write_text("cpu 1 1 1 1 1 1 1 1\n")
    tick = sample(context_of(tmp_path))
    return tick.measured[0].snapshot, {name: tick.reader.skipped[name] for name in (IMPOSSIBLE, MALFORMED)}


def test_a_host_that_contradicts_itself_tells_nothing_wrong(tmp_path: Path) -> None:
    meminfo = "MemTotal: 16 kB\nMemFree: 4 kB\nMemAvailable: 99 kB\nSwapTotal: 4 kB\nSwapFree: 5 kB\n"
    host, skipped = host_with(tmp_path, meminfo, "pgfault 4\npgmajfault 5\noom_kill 0\n")
    assert (host.total, host.free, host.swap_total) == (16384, 4096, 4096)
    assert (host.available, host.used, host.limit_used, host.swap_used) == (None, None, None, None)
    assert (host.limit, host.faults_minor, host.faults_major, host.oom_kills) == (16384, None, 5, 0)
    # Four sizes and the minor faults.
    assert skipped == {IMPOSSIBLE: 5, MALFORMED: 0}


def test_a_wrapped_value_costs_itself(tmp_path: Path) -> None:
    meminfo = "MemTotal: 16 kB\nMemFree: 4 kB\nMemAvailable: 18446744073708785356 kB\nFoo: kB\n"
    host, skipped = host_with(tmp_path, meminfo, "pgfault 4\npgmajfault 1\n")
    assert (host.total, host.free, host.available, host.used) == (16384, 4096, None, None)
    assert (host.faults_minor, host.faults_major) == (3, 1)
    # The wrapped value and the odd line.
    assert skipped == {IMPOSSIBLE: 0, MALFORMED: 2}
