"""The Collector of the tests, built from Go modules of one release."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components import skip_if_left_out

SOURCE = Path(__file__).parent / "go"
BUILT = Path(__file__).parents[2] / ".tools" / "collector"
_MOST_SECONDS = 3600


def collector() -> Path:
    """Return the program; build it where there is none of these sources."""
    skip_if_left_out("go")
    program = BUILT / f"otelcol-{_digest()}"
    if not program.exists():
        shutil.rmtree(BUILT, ignore_errors=True)
        _build(program)
    return program


def _digest() -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()[:12]


def _build(program: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.fail(
            "install Go 1.25 or newer: the OpenTelemetry Collector is built from its Go modules"
            " (FLEETLEAK_TEST_WITHOUT=go leaves its tests out)"
        )
    print(f"building {program}: about eight minutes on two cores", file=sys.stderr)
    # Without the tables for debuggers, and without a C compiler.
    words = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(program.with_suffix(".new")), "."]
    done = subprocess.run(
        words, cwd=SOURCE, env=os.environ | {"CGO_ENABLED": "0"}, capture_output=True, text=True,
        timeout=_MOST_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.fail(f"the Collector was not built: {done.stderr[-2000:]}")
    program.with_suffix(".new").rename(program)
