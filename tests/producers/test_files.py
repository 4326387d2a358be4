"""Files kept open between ticks, on real files of the kernel."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from producers.host.collectors import COLLECTORS, NoData
from producers.host.context import Context
from producers.host.files import Files, descriptors
from producers.host.tick import Tick


@contextmanager
def running() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its input to end."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        yield child


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_is_read_is_always_the_present() -> None:
    with closing(Files(10)) as files:
        first = float(files.read("/proc", "uptime").split()[0])
        while float((again := files.read("/proc", "uptime")).split()[0]) <= first:
            files.turn()
        assert again.count(b"\n") == 1


def test_a_process_that_ended_is_gone_although_its_file_is_open() -> None:
    with closing(Files(10)) as files:
        with running() as child:
            directory = f"/proc/{child.pid}"
            assert files.read(directory, "stat").startswith(f"{child.pid} ".encode())
        assert len(files) == 1
        with pytest.raises((FileNotFoundError, ProcessLookupError)):
            files.read(directory, "stat")
        assert len(files) == 0


def test_what_was_not_read_in_a_tick_is_closed(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    other = tmp_path / "other"
    other.mkdir()
    (other / "d").write_text("d")
    before = open_files()
    files = Files(10)
    assert [files.read(str(tmp_path), name) for name in ("a", "b", "c", "a")] == [b"a", b"b", b"c", b"a"]
    assert files.read(str(other), "d") == b"d"
    assert (len(files), open_files() - before) == (4, 4)
    files.turn()
    files.read(str(tmp_path), "a")
    files.turn()
    assert (len(files), open_files() - before) == (3, 3)
    files.close()
    assert (len(files), open_files() - before) == (0, 0)


def test_beyond_the_limit_files_are_read_but_not_kept(tmp_path: Path) -> None:
    before = open_files()
    with closing(Files(2)) as files:
        for number in range(5):
            (tmp_path / str(number)).write_text(str(number))
        for _ in range(2):
            assert [files.read(str(tmp_path), str(n)) for n in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
            assert open_files() - before == 2
            files.turn()


def test_a_file_that_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    before = open_files()
    files = Files(2)
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        files.read(str(tmp_path), "directory")
    with pytest.raises(FileNotFoundError):
        files.read(str(tmp_path), "missing")
    assert (len(files), open_files()) == (0, before)


def test_half_of_the_open_files_allowed_may_be_used() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        allowed = descriptors()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert soft >= before[0]
        assert 0 < 2 * allowed <= soft + 1
        assert descriptors() == allowed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_tick_is_freed_without_the_garbage_collector() -> None:
    # A tick holds the contents of thousands of files; a reference cycle once kept 26 MB from being freed.
    context = Context(Path("/proc"), Path("/sys/fs/cgroup"), "here")
    with closing(Files(1000)) as files:
        gc.disable()
        try:
            tick = Tick(context, 0.0, files)
            for make in COLLECTORS.values():
                try:
                    make(context).collect(tick)
                except NoData as reason:
                    del reason
            alive = weakref.ref(tick)
            del tick
            assert alive() is None
        finally:
            gc.enable()
