"""`fleetleak broker` as a process: it prints its address, answers, and removes its files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka.broker import BrokerFailed, EmbeddedBroker
from tests.kafka.support import wait_for

pytestmark = pytest.mark.kafka


@contextmanager
def command(directory: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command with its files below `directory`; return it and the address that it printed."""
    with subprocess.Popen(
        [sys.executable, "-m", "fleetleak_app", "broker", "--broker-heap-mib", "256"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(directory)},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def processes_below(directory: Path) -> list[int]:
    """Return the ids of processes whose command line names a path below a directory."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if str(directory).encode() in words:
            pids.append(int(path.parent.name))
    return pids


def answers(address: str) -> int:
    return len(AdminClient({"bootstrap.servers": address}).list_topics(timeout=30).brokers)


def test_it_answers_and_ends_with_nothing_left(tmp_path: Path) -> None:
    with command(tmp_path) as (process, address):
        assert answers(address) == 1
        assert len(processes_below(tmp_path)) == 1
        assert [path.name.startswith("fleetleak-kafka-") for path in tmp_path.iterdir()] == [True]
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    starting, running = err.splitlines()
    assert starting.startswith("starting Apache Kafka ")
    assert running.endswith(f"export FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS={address}")
    assert processes_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ended_while_it_starts_it_leaves_nothing_and_complains_of_nothing(
    tmp_path: Path, sign: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "fleetleak_app", "broker", "--broker-heap-mib", "256"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline().startswith("starting Apache Kafka ")
        process.send_signal(sign)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    wait_for(lambda: not processes_below(tmp_path), what="Java to end")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_parent_leaves_no_java(tmp_path: Path) -> None:
    with command(tmp_path) as (process, address):
        assert answers(address) == 1
        (java,) = processes_below(tmp_path)
        process.kill()
        process.wait(30)
        wait_for(lambda: not processes_below(tmp_path), what=f"Java process {java} to end")


def test_kafka_ending_by_itself_ends_the_command(tmp_path: Path) -> None:
    with command(tmp_path) as (process, _):
        (java,) = processes_below(tmp_path)
        os.kill(java, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("fleetleak: Kafka ended by itself; ")
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_kafka_on_the_port_is_not_taken_for_ours(broker: EmbeddedBroker) -> None:
    told = f"cannot listen on {broker.bootstrap_servers} .*: set broker.port to a free port"
    with pytest.raises(BrokerFailed, match=told), EmbeddedBroker(port=broker.port):
        pytest.fail("it cannot have started")
    assert answers(broker.bootstrap_servers) == 1
