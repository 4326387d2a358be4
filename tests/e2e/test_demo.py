"""The demo as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.kafka

_MARK = "FLEETLEAK_TEST_MARK"


def started_by(mark: str) -> list[str]:
    """Give the command lines of processes whose environment has the mark."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        try:
            if f"{_MARK}={mark}".encode() in (directory / "environ").read_bytes():
                found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def demo(mark: str, directory: Path, *words: str) -> subprocess.Popen[str]:
    environment = os.environ | {_MARK: mark, "TMPDIR": str(directory)}
    return subprocess.Popen(
        [sys.executable, "-m", "fleetleak", "demo", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.timeout(400)
def test_it_finds_the_leak_and_nothing_else_and_leaves_nothing_behind(tmp_path: Path) -> None:
    running = demo("whole", tmp_path, "--json")
    output, _ = running.communicate(timeout=380)
    outcome = json.loads(output.splitlines()[-1])
    assert running.returncode == 0, output
    assert outcome["service"] == "process/demo-leak"
    assert outcome["limit_name"] == "rlimit_data"
    assert outcome["false_alerts"] == []
    assert outcome["seconds_to_alert"] < 180
    assert outcome["eta_low"] < outcome["eta"] < outcome["eta_high"]
    assert started_by("whole") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(tmp_path: Path, sign: signal.Signals) -> None:
    running = demo(sign.name, tmp_path)
    deadline = time.monotonic() + 90
    while not any("demo.workload" in line for line in started_by(sign.name)):
        assert time.monotonic() < deadline
        assert running.poll() is None, running.communicate()
        time.sleep(0.2)
    running.send_signal(sign)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert started_by(sign.name) == []
    assert list(tmp_path.iterdir()) == []
