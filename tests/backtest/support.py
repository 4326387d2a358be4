"""Running `fleetleak backtest` in this process."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from fleetleak_app.cli import backtest, main


class Ran(NamedTuple):
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> dict[str, Any]:
        """What it printed as JSON."""
        printed: dict[str, Any] = json.loads(self.out)
        return printed


def fleetleak(*arguments: object) -> Ran:
    """Run a command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(one) for one in arguments])
    return Ran(out.getvalue(), err.getvalue(), code)


def stop_clock(patch: pytest.MonkeyPatch, now: float) -> SimpleNamespace:
    """Let a clock stand still for the command, at its `now`, so that its runs can be compared."""
    clock = SimpleNamespace(now=now)
    patch.setattr(backtest, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"
