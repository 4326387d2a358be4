"""Child processes: the same commands that a user deploys, started and ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from fleetleak.kafka.broker import die_with_parent

# Less than the ten seconds that a command may take to end after a signal.
_TERM_SECONDS = 6.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _prepare() -> None:
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without the settings of fleetleak: a child has only the settings it is given."""
    return {name: value for name, value in environment.items() if not name.startswith("FLEETLEAK_")}


class Processes:
    """Child processes, each with a log file. All of them end with the `with` block."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(self, name: str, words: list[str], environment: dict[str, str]) -> int:
        """Start `python -m WORDS`, and return its process id."""
        with (self._directory / f"{name}.log").open("ab") as log:
            # Ctrl-C must not interrupt between the start of a process and its registration.
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            try:
                process = self._running[name] = subprocess.Popen(
                    [sys.executable, "-m", *words], stdout=log, stderr=log,
                    env=_clean(os.environ) | environment, preexec_fn=_prepare, start_new_session=True,
                )  # fmt: skip
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        return process.pid

    def ended(self) -> dict[str, int]:
        """Return the exit code of each process that has ended by itself."""
        codes = {name: p.poll() for name, p in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def last_words(self, name: str) -> str:
        """Return the last 400 characters of a process's log."""
        return (self._directory / f"{name}.log").read_text(errors="replace").strip()[-400:]

    def pids(self) -> dict[str, int]:
        """Return the process id of each process."""
        return {name: p.pid for name, p in self._running.items()}

    def end(self) -> None:
        """End all processes: with SIGTERM first, and after six seconds with SIGKILL."""
        alive = [p for p in self._running.values() if p.poll() is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _TERM_SECONDS
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
