"""A measured process: a module of this package in its own interpreter, which prints its figures as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO

_LIMIT_SECONDS = 1200.0


def run(
    module: str, *words: str, environment: Mapping[str, str], warmed: Callable[[], None] | None = None
) -> dict[str, float]:
    """Run a module until it ends; return the figures of its last line.

    With `warmed`, the process prints a line when it has read all records that it can see; then `warmed` is
    called once, to make the others visible.

    Raises
    ------
    RuntimeError
        If the process fails, ends too early, or lasts longer than the limit.
    """
    name = " ".join((module, *words))
    command = [sys.executable, "-m", f"benchmarks.pipeline.{module}", *words]
    with subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # At the limit the process is killed. Then its output ends, and so does the wait for a line.
        limit = threading.Timer(_LIMIT_SECONDS, process.kill)
        limit.start()
        try:
            last = _last_line(process.stdout, warmed)
            status = process.wait()
        finally:
            limit.cancel()
            process.kill()
    if status or not last:
        raise RuntimeError(
            f"{name} ended with status {status} and without figures; the limit is {_LIMIT_SECONDS:.0f} s"
        )
    figures: dict[str, float] = json.loads(last)
    return figures


def _last_line(lines: IO[str], warmed: Callable[[], None] | None) -> str:
    """Return the last line after the one that says the process is warm; empty if there is none."""
    if warmed is not None:
        if not lines.readline():
            return ""
        warmed()
    rest = lines.read().splitlines()
    return rest[-1] if rest else ""
