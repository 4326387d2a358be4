"""The limit that applies has the fewest bytes left, of those that can be reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fleetleak.records import Snapshot
from producers.host.cgroupfs import LONGEST_PATH, detect
from producers.host.files import Files
from producers.host.limits import Limit
from producers.host.reader import IMPOSSIBLE, MALFORMED, Reader
from tests.producers.trees import context_of, sample

MIB = 2**20
HOST = 1000 * MIB
MEMINFO = f"MemTotal: {HOST // 1024} kB\nMemAvailable: {400 * 1024} kB\n"

Group = dict[str, int | str]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(MEMINFO)
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "cgroup/cgroup.controllers").write_text("memory\n")
    return tmp_path


def make_v2(host: Path, path: str, used: int, inactive: int = 0, **limits: int | str) -> None:
    directory = host / "cgroup" / path
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "memory.current").write_text(f"{used * MIB}\n")
    (directory / "memory.stat").write_text(f"inactive_file {inactive * MIB}\n")
    for name, size in limits.items():
        text = size if isinstance(size, str) else f"{size * MIB}"
        (directory / f"memory.{name}").write_text(f"{text}\n")


def only(host: Path) -> tuple[Snapshot, dict[str, int]]:
    tick = sample(context_of(host))
    (snapshot,) = (one.snapshot for one in tick.measured if one.snapshot.scope != "host")
    return snapshot, dict(tick.reader.skipped)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ({"max": 900}, {"max": 300}, ("memory.max", 300, 100)),
        ({"max": 600}, {"max": 300}, ("memory.max", 600, 500)),
        # Of equal limits the nearest.
        ({"max": 700}, {"max": 300}, ("memory.max", 300, 100)),
        ({"max": 900}, {"max": 300, "high": 250}, ("memory.high", 250, 100)),
        ({"max": 900, "high": 620}, {"max": "max", "high": 250}, ("memory.high", 620, 500)),
        ({"max": 900}, {"max": 300, "high": 300}, ("memory.max", 300, 100)),
        # More in use than the limit allows.
        ({"max": 900, "high": 400}, {"max": 300}, ("memory.high", 400, 500)),
        # As large as the host, and larger.
        ({"max": 1000}, {"max": "max"}, ("memory.max", 1000, 500)),
        ({"max": 1001}, {"max": 2**20}, None),
        ({"max": "max"}, {"max": "max"}, None),
        ({"max": "9223372036854771712"}, {"max": "max"}, None),
        ({"max": 900}, {"max": "0"}, ("memory.max", 900, 500)),
        ({"max": 900}, {"max": "many"}, ("memory.max", 900, 500)),
    ],
)
def test_the_fewest_bytes_left(
    host: Path, outer: Group, inner: Group, expected: tuple[str, int, int] | None
) -> None:
    make_v2(host, "a.slice", 600, 100, **outer)
    make_v2(host, "a.slice/b.service", 150, 50, **inner)
    snapshot, skipped = only(host)
    name, limit, used = expected or (None, None, None)
    assert (snapshot.limit_name, snapshot.limit, snapshot.limit_used) == (
        name,
        limit and limit * MIB,
        used and used * MIB,
    )
    assert snapshot.total == min(snapshot.limit or HOST, HOST)
    assert snapshot.available == 400 * MIB
    assert skipped.get(MALFORMED, 0) == (inner["max"] in ("0", "many"))


def test_a_limit_whose_use_is_unknown_still_applies(host: Path) -> None:
    make_v2(host, "b.service", 100, inactive=200, max=300)
    snapshot, skipped = only(host)
    assert (snapshot.limit, snapshot.limit_used, snapshot.working_set, snapshot.used) == (
        300 * MIB,
        None,
        None,
        100 * MIB,
    )
    assert (skipped[IMPOSSIBLE], skipped.get(MALFORMED)) == (1, None)


def test_where_the_host_is_unknown_every_limit_applies(host: Path) -> None:
    (host / "proc/meminfo").write_text("MemFree: 5 kB\n")
    make_v2(host, "b.service", 100, max=2**20)
    snapshot, _ = only(host)
    assert (snapshot.limit, snapshot.total, snapshot.available) == (2**40, 2**40, None)


@pytest.mark.parametrize(
    ("limit", "swap_limit", "expected"),
    [
        (300, 400, ("memory.limit_in_bytes", 300, 150)),
        (400, 400, ("memory.memsw.limit_in_bytes", 400, 250)),
        (300, 8796093022207, ("memory.limit_in_bytes", 300, 150)),
        (8796093022207, 500, ("memory.memsw.limit_in_bytes", 500, 250)),
    ],
)
def test_version_1_also_limits_memory_and_swap_together(
    host: Path, limit: int, swap_limit: int, expected: tuple[str, int, int]
) -> None:
    (host / "cgroup/cgroup.controllers").unlink()
    group = host / "cgroup/memory/b.service"
    group.mkdir(parents=True)
    sizes = {"usage": 200, "limit": limit, "memsw.usage": 300, "memsw.limit": swap_limit}
    for name, size in sizes.items():
        (group / f"memory.{name}_in_bytes").write_text(f"{size * MIB}\n")
    (group / "memory.stat").write_text(f"total_inactive_file {50 * MIB}\n")
    (group / "cgroup.procs").write_text("")
    snapshot, _ = only(host)
    name, size, used = expected
    assert (snapshot.limit_name, snapshot.limit, snapshot.limit_used) == (name, size * MIB, used * MIB)


@pytest.fixture
def process(host: Path) -> Callable[[str, str], Snapshot]:
    directory = host / "proc/7"
    (directory / "stat").write_text("7 (etl) S 1 1 1 0 -1 4194560 500 0 5 0 30 10 0 0 20 0 1 0 99 0 0\n")
    (directory / "statm").write_text("1000 500 100 1 0 100 0\n")
    (directory / "status").write_text(
        "Name:\tetl\nVmSize:\t 900000 kB\nVmRSS:\t 2000 kB\nVmData:\t 200000 kB\n"
    )
    (directory / "cgroup").write_text("0::/\n")

    def measure(data: str, address_space: str) -> Snapshot:
        (directory / "limits").write_text(
            "Limit                     Soft Limit           Hard Limit           Units\n"
            f"Max data size             {data}            unlimited            bytes\n"
            f"Max address space         {address_space}            unlimited            bytes\n"
        )
        return only(host)[0]

    return measure


def test_limits_of_a_process_above_the_hosts_memory_do_not_apply(
    process: Callable[[str, str], Snapshot],
) -> None:
    assert process("unlimited", str(64 * 2**40)).limit is None
    snapshot = process(str(64 * 2**40), str(950 * MIB))
    assert (snapshot.limit_name, snapshot.limit, snapshot.limit_used) == (
        "rlimit_as",
        950 * MIB,
        900_000 * 1024,
    )
    assert process(str(300 * MIB), str(950 * MIB)).limit_name == "rlimit_as"
    assert process(str(210 * MIB), str(950 * MIB)).limit_name == "rlimit_data"
    assert process("many", "0").limit is None
    assert (snapshot.total, snapshot.available) == (HOST, 400 * MIB)


@pytest.mark.parametrize(
    ("membership", "bad"),
    [
        (b"0::/../other", 0),
        (b"0::/a/../../../etc", 0),
        (b"0::relative", 1),
        (b"0::/a\0b", 1),
        (b"0::/" + b"a/" * LONGEST_PATH, 1),
        (b"", 0),
        (b"garbage", 0),
    ],
)
def test_a_membership_that_cannot_be_followed_is_none(host: Path, membership: bytes, bad: int) -> None:
    reader = Reader(Files(0))
    hierarchy = detect(str(host / "cgroup"), reader)
    assert hierarchy is not None
    bad_values: list[None] = []
    assert hierarchy.group_of(membership, lambda: bad_values.append(None)) is None
    assert len(bad_values) == bad


def test_a_limit_is_found_however_deep_the_group_is(host: Path) -> None:
    make_v2(host, "a.slice", 100, max=500)
    hierarchy = detect(str(host / "cgroup"), Reader(Files(0)))
    assert hierarchy is not None
    deep = f"{host}/cgroup/a.slice" + "/b" * 1500
    assert hierarchy.limit(deep) == Limit("memory.max", 500 * MIB, 100 * MIB)
