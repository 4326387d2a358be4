"""README's install lines, as they stand there, in an environment without uv."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from pathlib import Path

from fleetleak import __version__

ROOT = Path(__file__).parents[2]


def lines() -> list[str]:
    """Give the commands of README that build and install."""
    block = re.search(r"```\n(make build\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    return [line.partition("  #")[0].strip() for line in block[1].splitlines()]


def shell(line: str, programs: Path) -> str:
    """Run a line in the checkout, with the programs of an environment first."""
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=280,
        env={k: v for k, v in os.environ.items() if not k.startswith("FLEETLEAK_")}
        | {"PATH": f"{programs}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_install_lines_of_readme_work(tmp_path: Path) -> None:
    build, agent, processor = lines()
    venv.create(tmp_path, with_pip=True)
    programs = tmp_path / "bin"
    shell(build, programs)
    shell(agent, programs)
    assert shell("fleetleak --version", programs) == f"fleetleak {__version__}\n"
    assert "fleetleak.snapshots" in shell("fleetleak topics plan", programs)
    shell(processor, programs)
    assert "--processor-models" in shell("fleetleak processor --help", programs)
