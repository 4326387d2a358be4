"""The watchdog: it ends a process that makes no progress, and no other."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from fleetleak.stream import watchdog
from fleetleak.stream.watchdog import EXIT_STALLED, Watchdog

LONGEST_WAIT = 60.0
STALL = 0.04


class Clock:
    """A clock that is set by hand, and counts how often it was read."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._looks = threading.Semaphore(0)

    def monotonic(self) -> float:
        self._looks.release()
        return self.now

    def await_looks(self, count: int) -> None:
        for _ in range(count):
            assert self._looks.acquire(timeout=LONGEST_WAIT)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


def test_no_progress_ends_the_process(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()
    dog = Watchdog(STALL, ended.set)
    dog.start()
    clock.await_looks(5)
    assert not ended.is_set()
    clock.now += STALL * 2
    assert ended.wait(LONGEST_WAIT)
    dog.stop()
    assert "no progress for 0.04 s" in caplog.text


def test_progress_keeps_it_quiet(clock: Clock) -> None:
    ended = threading.Event()
    dog = Watchdog(STALL, ended.set)
    dog.start()
    for _ in range(20):
        clock.now += STALL * 0.9
        dog.feed()
        clock.await_looks(3)
        assert not ended.is_set()
    dog.stop()


def test_half_the_time_without_progress_is_told(clock: Clock) -> None:
    dog = Watchdog(120.0)
    clock.now += 60
    assert dog.healthy() is None
    clock.now += 1
    assert dog.healthy() == "no progress for 61 s; after 120 s the process ends"
    dog.feed()
    assert dog.healthy() is None


def test_it_does_not_watch_before_it_is_started(clock: Clock) -> None:
    ended = threading.Event()
    dog = Watchdog(STALL, ended.set)
    clock.now += STALL * 100
    dog.start()
    clock.await_looks(5)
    dog.stop()
    assert not ended.is_set()


def test_stopped_it_never_ends_anything(clock: Clock) -> None:
    ended = threading.Event()
    dog = Watchdog(STALL, ended.set)
    dog.start()
    (thread,) = (one for one in threading.enumerate() if one.name == "watchdog")
    dog.stop()
    thread.join(LONGEST_WAIT)
    clock.now += STALL * 100
    assert not thread.is_alive()
    assert not ended.is_set()


def test_a_hanging_process_ends_and_shows_where_it_hung() -> None:
    program = """
import threading
from fleetleak.stream.watchdog import Watchdog
def hang_here():
    threading.Event().wait()
Watchdog(0.1).start()
hang_here()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=LONGEST_WAIT
    )
    assert done.returncode == EXIT_STALLED
    assert "in hang_here" in done.stderr
