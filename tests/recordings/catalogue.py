"""The programs that are recorded: which there are, what each does, how it is built and started."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from fleetleak.kafka.broker import die_with_parent

PREFIX = "run-"
LIMIT_BYTES = 256 * 2**20
WELL_SECONDS = 240
_SOURCES = Path(__file__).parent / "programs"


class Program(NamedTuple):
    """One program; `kind` is that of its leak, None where it has none."""

    name: str
    language: Literal["c", "python", "node"]
    kind: str | None

    @property
    def service(self) -> str:
        """The name the producer gives it."""
        return f"process/{PREFIX}{self.name}"


PROGRAMS = (
    Program("linear", "c", "linear"),
    Program("exponential", "python", "exponential"),
    Program("staircase", "c", "staircase"),
    Program("periodic", "python", "periodic"),
    Program("fragments", "c", "fragmentation"),
    Program("cache", "python", None),
    Program("garbage", "node", None),
    Program("plateau", "c", None),
    Program("batch", "python", None),
    Program("warm-up", "python", None),
)


def build(directory: Path) -> Path:
    """Compile the C programs into a directory; give the one program they are."""
    heap = directory / "heap"
    # Not optimized: a compiler may leave out memory that nobody reads.
    subprocess.run([tool("gcc"), "-O0", "-o", heap, _SOURCES / "heap.c", "-lm"], check=True)
    return heap


def tool(name: str) -> str:
    """Find a program of this host.

    Raises
    ------
    SystemExit
        If it is not installed.
    """
    return shutil.which(name) or sys.exit(f"{name} was not found: install it to record")


def command(program: Program, heap: Path) -> list[str]:
    """Return the words that start a program."""
    name = PREFIX + program.name
    if program.language == "node":
        return [tool("node"), "--max-old-space-size=64", str(_SOURCES / "garbage.js"), name]
    first = [str(heap)] if program.language == "c" else [sys.executable, str(_SOURCES / "python.py")]
    return [*first, name, program.name, str(WELL_SECONDS)]


def _prepare() -> None:
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))


@contextlib.contextmanager
def running(heap: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Start all programs, each under the limit; kill them in the end."""
    started: dict[str, subprocess.Popen[str]] = {}
    try:
        for program in PROGRAMS:
            started[program.name] = subprocess.Popen(
                command(program, heap), stdout=subprocess.PIPE, text=True, preexec_fn=_prepare
            )
        yield started
    finally:
        for process in started.values():
            process.kill()
            process.wait()
