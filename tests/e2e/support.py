"""Roles as the processes a user runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings
from tests.kafka.support import wait_for

PROGRAM = ("-m", "fleetleak_app")


class Role:
    """One running `fleetleak` command."""

    def __init__(
        self, words: list[str], environment: Mapping[str, str], log: Path, program: Sequence[str] = PROGRAM
    ) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, *program, *words], env=dict(environment), stdout=out, stderr=out
            )

    def log(self) -> str:
        """Return all that it has written."""
        return self._log.read_text()

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page of its HTTP server."""
        wait_for(lambda: '"http_port"' in self.log(), what=f"the port in {self.log()}")
        line = next(line for line in self.log().splitlines() if '"http_port"' in line)
        port = json.loads(line)["http_port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_ready(self) -> None:
        """Wait until it answers 200 on /readyz."""
        wait_for(lambda: self.get("/readyz")[0] == 200, what=lambda: f"readiness: {self.log()}")

    def wait_told(self, words: str) -> None:
        """Wait until its log says this."""
        wait_for(lambda: words in self.log(), what=lambda: f"{words!r} in {self.log()}")

    def end(self) -> float:
        """Send SIGTERM; return the seconds until the end."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log()
        return time.monotonic() - begun


def freeze(broker: EmbeddedBroker) -> None:
    """Stop the broker's process where it is: it holds its connections, and does not answer."""
    os.kill(_pid(broker), signal.SIGSTOP)


def thaw(broker: EmbeddedBroker) -> None:
    """Let a frozen broker go on."""
    os.kill(_pid(broker), signal.SIGCONT)


def _pid(broker: EmbeddedBroker) -> int:
    """Return the process id of Java, which has the broker's configuration on its command line."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{broker.directory}/".encode() in file.read_bytes():
                return int(file.parent.name)
    raise AssertionError(f"no process has {broker.directory} on its command line")


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment that makes a command use a test's topics."""
    return os.environ | {
        "FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FLEETLEAK_KAFKA_TOPIC_PREFIX": settings.kafka.topic_prefix,
        "FLEETLEAK_TOPICS_PARTITIONS": str(settings.topics.partitions),
        "FLEETLEAK_RUNTIME_COMMIT_INTERVAL_SECONDS": "0.1",
        **more,
    }


@contextlib.contextmanager
def running(
    settings: Settings,
    directory: Path,
    commands: Mapping[str, list[str]],
    program: Sequence[str] = PROGRAM,
    **more: str,
) -> Iterator[dict[str, Role]]:
    """Run commands until the block ends."""
    roles: dict[str, Role] = {}
    try:
        for name, words in commands.items():
            roles[name] = Role(words, environment(settings, **more), directory / f"{name}.log", program)
        yield roles
    finally:
        for role in roles.values():
            role.process.kill()
            role.process.wait()
