"""Parsers of the kernel's files, on what this kernel writes and on odd cases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from producers.host import procfs


def test_the_name_of_a_process_may_hold_anything() -> None:
    line = b"7 (a) b (c d) S 1 7 7 0 -1 4194560 11 0 22 0 33 44 0 0 20 0 1 0 555 0 0 0"
    assert procfs.stat(line) == procfs.Stat("a) b (c d", 11, 22, 77, 555)


@pytest.mark.parametrize("line", [b"", b"7 comm S 1", b"7 )comm( S 1 2"])
def test_what_is_no_stat_is_counted(line: bytes) -> None:
    bad: list[None] = []
    assert procfs.stat(line, lambda: bad.append(None)) is None
    assert len(bad) == 1


def test_a_bad_field_of_a_stat_costs_that_field() -> None:
    bad: list[None] = []
    line = b"7 (\xff) S 1 7 7 0 -1 4194560 -11 0 22 0 33 4.4 0 0 20 0 1 0 555"
    assert procfs.stat(line, lambda: bad.append(None)) == procfs.Stat("\\xff", None, 22, None, 555)
    assert len(bad) == 2


def test_own_stat_and_status_agree() -> None:
    stat = procfs.stat(procfs.read_file("/proc/self/stat"))
    status = procfs.kibibytes(procfs.read_file("/proc/self/status"))
    assert stat
    assert stat.comm == Path("/proc/self/comm").read_text().rstrip("\n")
    assert status[b"VmRSS"] <= status[b"VmHWM"]
    assert status[b"RssAnon"] + status[b"RssFile"] + status[b"RssShmem"] == status[b"VmRSS"]


def test_a_file_of_many_pages_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_bytes(b"0123456789\n" * 30_000)
    assert procfs.read_file(str(file)) == file.read_bytes()
    names = {line.split()[0] for line in Path("/proc/vmstat").read_bytes().splitlines()}
    assert set(procfs.keyed(procfs.read_file("/proc/vmstat"), procfs.lines_of(*names))) == names


def test_a_file_that_the_kernel_hands_out_by_pages_is_read_whole() -> None:
    with subprocess.Popen(
        # It waits in a bare read: `input` would still make its heap grow.
        [
            sys.executable,
            "-c",
            "import ctypes, decimal, os, sqlite3, ssl; os.write(1, b'\\n'); os.read(0, 1)",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        maps = procfs.read_file(f"/proc/{child.pid}/maps")
        assert len(maps) > 4096
        assert maps == Path(f"/proc/{child.pid}/maps").read_bytes()
        child.stdin.write(b"\n")
        child.stdin.flush()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        procfs.read_file("/proc/self/stat")
        with pytest.raises(IsADirectoryError):
            procfs.read_file(str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before


def test_minor_faults_do_not_count_major_ones() -> None:
    assert procfs.faults({b"pgfault": 10, b"pgmajfault": 3}) == (7, 3)
    assert procfs.faults({b"total_pgfault": 3, b"total_pgmajfault": 5}, b"total_") == (-2, 5)
    assert procfs.faults({b"pgfault": 10}) == (None, None)


def test_a_part_that_is_absent_makes_the_sum_absent() -> None:
    assert procfs.number({b"a": 1}, b"a", b"b") is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Max data size             unlimited            unlimited            bytes     \n", None),
        (b"Max data size             1048576              unlimited            bytes     \n", 1048576),
        (b"Max cpu time              1048576              unlimited            seconds   \n", None),
        (b"Max data size", None),
        (b"", None),
    ],
)
def test_soft_limits(data: bytes, expected: int | None) -> None:
    assert procfs.soft_limit(data, b"Max data size") == expected


def test_pressure_of_some_and_full() -> None:
    data = (
        b"some avg10=1.00 avg60=0.00 avg300=0.00 total=1500000\n"
        b"full avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n"
    )
    assert procfs.stall_seconds(data) == {b"some": 1.5, b"full": 0.25}


def test_time_of_the_host() -> None:
    data = b"cpu  10 1 5 1000 7 2 3 4 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\nbtime 1790000000\nprocesses 4\n"
    assert procfs.busy_ticks(data) == 10 + 1 + 5 + 2 + 3 + 4
    assert procfs.boot_time(data) == 1790000000.0
    assert procfs.boot_time(b"cpu 0\n") is None


def test_sockets() -> None:
    data = b"sockets: used 9\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 5\nUDP: inuse 0 mem 2\nRAW: inuse 0\n"
    assert procfs.socket_pages(data) == 7
    assert procfs.socket_pages(b"") is None
