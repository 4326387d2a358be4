"""Worker processes: started, killed, stopped, counted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fleetleak.settings import Settings
from fleetleak.settings.load import all_settings

_ROOT = Path(__file__).parents[2]
_AGAIN = ("must be started again", "lost the cluster", "cannot be reached")
"""Errors with which a worker may end, because a new start repairs them."""


def environment(settings: Settings) -> dict[str, str]:
    """Return the settings that are not the default, as environment variables."""
    variables = {}
    for setting in all_settings():
        value = getattr(getattr(settings, setting.section), setting.name)
        if value != setting.default:
            pairs = ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
            variables[setting.variable] = str(pairs)
    return variables


class Worker:
    """One process of a role.

    Parameters
    ----------
    words
        The command line after `python -m tests.faults.worker`.
    fault, mutation
        See tests/faults/inject.py and tests/faults/mutations.py.
    """

    def __init__(
        self, settings: Settings, words: list[str], log: Path, fault: str = "", mutation: str = ""
    ) -> None:
        self.log = log
        own = {"FAULT_AT": fault, "FAULT_MUTATION": mutation, "FLEETLEAK_HTTP_PORT": "-1"}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.worker", *words],
                cwd=_ROOT, stdout=out, stderr=out, env=os.environ | environment(settings) | own,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def status(self) -> int | None:
        """Return the exit status; None while it runs."""
        return self._process.poll()

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal, if it runs."""
        self._process.send_signal(sign)

    def wait(self, seconds: float = 60) -> int:
        """Wait for the end, and return the exit status."""
        return self._process.wait(seconds)

    def stopped(self) -> bool:
        """Return whether it is stopped by SIGSTOP."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
        return False

    def said(self) -> str:
        """Return all that it has written."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """End it, in any state."""
        if self.status() is None:
            self._process.kill()
            self._process.wait(30)


class Fleet:
    """Workers in a fixed number of places. A worker that ends is replaced, and its end is counted.

    Parameters
    ----------
    commands
        The command of each place.
    identities
        The `kafka.instance_id` of each place, or None.
    """

    def __init__(
        self, settings: Callable[[str | None], Settings], commands: list[list[str]], logs: Path,
        identities: list[str | None],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._commands = commands
        self._identities = identities
        self._logs = logs
        self._started = 0
        self.kills = 0
        self.again = 0
        self.places: list[Worker] = [self._start(place) for place in range(len(commands))]

    def _start(self, place: int, fault: str = "") -> Worker:
        self._started += 1
        log = self._logs / f"{self._started}-{'-'.join(self._commands[place])}.log"
        return Worker(self._settings(self._identities[place]), self._commands[place], log, fault)

    def kill(self, place: int, fault: str = "") -> None:
        """Kill the worker of a place with SIGKILL, and start another one, with this fault."""
        self.places[place].signal(signal.SIGKILL)
        self.places[place].wait()
        self._replace(place, fault)

    def leave(self, place: int) -> None:
        """End the worker of a place with SIGTERM, and start another one."""
        self.places[place].signal(signal.SIGTERM)
        self.places[place].wait()
        self._replace(place)

    def tend(self) -> None:
        """Replace the workers that have ended."""
        for place, worker in enumerate(self.places):
            if worker.status() is not None:
                self._replace(place)

    def _replace(self, place: int, fault: str = "") -> None:
        worker = self.places[place]
        if worker.status() == -signal.SIGKILL:
            self.kills += 1
        elif worker.status() not in (0, -signal.SIGTERM):  # the latter before it knew how to hand over
            last = worker.said()[-2000:]
            assert any(word in last for word in _AGAIN), f"{worker.log} ended with {worker.status()}: {last}"
            self.again += 1
        self.places[place] = self._start(place, fault)

    def pause(self, seconds: float) -> None:
        """Wait for some seconds, and replace workers that end meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tend()
            time.sleep(0.1)

    def close(self) -> None:
        """End all workers."""
        for worker in self.places:
            worker.close()


@contextlib.contextmanager
def one(worker: Worker) -> Iterator[Worker]:
    """Use a worker; end it afterwards."""
    try:
        yield worker
    finally:
        worker.close()
