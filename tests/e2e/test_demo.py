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
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.settings import Settings
from tests.kafka.support import wait_for

pytestmark = pytest.mark.kafka

# The demo takes our own variables, FLEETLEAK_..., from its children.
_MARK = "DEMO_TEST_MARK"


def started_by(mark: str) -> list[str]:
    """Return the command lines of processes whose environment has the mark."""
    commands = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        try:
            if f"{_MARK}={mark}".encode() in (directory / "environ").read_bytes():
                commands.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return commands


def demo(mark: str, directory: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    environment = os.environ | {_MARK: mark, "TMPDIR": str(directory), **more}
    return subprocess.Popen(
        [sys.executable, "-m", "fleetleak_app", "demo", *words],
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


def test_with_nothing_found_in_time_it_fails_and_leaves_nothing_on_the_cluster(
    settings: Settings, tmp_path: Path
) -> None:
    where = ["--bootstrap-servers", settings.kafka.bootstrap_servers, "--kafka-topic-prefix", "short"]
    # What is set for other commands must not reach the demo's roles.
    others = {"FLEETLEAK_KAFKA_TRACK": "bold", "FLEETLEAK_KAFKA_INSTANCE_ID": "pod-0"}
    running = demo("short", tmp_path, "--json", "--timeout", "8", *where, **others)
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 1, output
    outcome = json.loads(output.splitlines()[-1])
    assert (outcome["found"], outcome["false_alerts"]) == (False, [])
    assert "error" not in outcome
    admin = AdminClient(client.common(settings.kafka))
    gone = "its topics to be gone"
    wait_for(lambda: not any(name.startswith("short-demo-") for name in topics.existing(admin)), what=gone)
    assert started_by("short") == []


def test_kept_it_tells_its_outcome_before_it_waits(settings: Settings, tmp_path: Path) -> None:
    where = ["--bootstrap-servers", settings.kafka.bootstrap_servers]
    running = demo("kept", tmp_path, "--json", "--keep", "--timeout", "2", *where)
    try:
        assert running.stdout is not None
        line = next(line for line in running.stdout if line.startswith("{"))
        assert json.loads(line)["found"] is False
        assert any("demo.workload" in line for line in started_by("kept"))
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert started_by("kept") == []


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
    assert running.returncode == 128 + sign
    assert started_by(sign.name) == []
    assert list(tmp_path.iterdir()) == []
