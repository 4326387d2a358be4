"""README's install lines, as they stand there, in an environment without uv; what the wheel alone does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import venv
from pathlib import Path

from fleetleak import __version__

ROOT = Path(__file__).parents[2]
MIB = 2**20


def lines() -> list[str]:
    """Return the commands of README that build and install."""
    block = re.search(r"```\n(make build\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    return [line.partition("  #")[0].strip() for line in block[1].splitlines()]


def shell(line: str, programs: Path, directory: Path = ROOT) -> str:
    """Run a line in a directory, with the programs of an environment first and no module of the checkout."""
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=directory, capture_output=True, text=True, timeout=280,
        env={k: v for k, v in os.environ.items() if not k.startswith(("FLEETLEAK_", "PYTHONPATH"))}
        | {"PATH": f"{programs}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_cases(directory: Path) -> None:
    """Write a series that leaks 1 MiB a minute from its second hour on, and one that does not grow."""
    directory.mkdir()
    onset, ticks = 120, 480
    rows = ["series,timestamp,used,total"]
    for tick in range(ticks):
        noise = tick * 7919 % 5
        leak = max(0, tick - onset)
        rows += [
            f"{name},{60 * tick},{(300 + noise + grown) * MIB},{1024 * MIB}"
            for name, grown in (("leaking", leak), ("level", 0))
        ]
    (directory / "cases.csv").write_text("\n".join(rows))
    judged = {"group": "synthetic", "tag": "tiny", "t0": 0, "t1": 60 * ticks}
    leak_label = {
        "onset": 60 * onset, "end": 60 * ticks, "kind": "linear", "rate": "12h", "exhaust": False,
    }  # fmt: skip
    labels = {"leaking": judged | {"leaks": [leak_label]}, "level": judged | {"leaks": []}}
    (directory / "cases.json").write_text(json.dumps(labels))


def test_the_install_lines_of_readme_work(tmp_path: Path) -> None:
    build, agent, processor = lines()
    environment, empty, cases = tmp_path / "environment", tmp_path / "empty", tmp_path / "cases"
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    shell(build, programs)
    shell(agent, programs)
    assert shell("fleetleak --version", programs) == f"fleetleak {__version__}\n"
    assert "fleetleak.snapshots" in shell("fleetleak topics plan", programs)
    write_cases(cases)
    empty.mkdir()
    assert "its extra processor" in shell(f"fleetleak evaluate {cases} 2>&1 || true", programs, empty)
    shell(processor, programs)
    assert "--processor-models" in shell("fleetleak processor --help", programs)
    report = json.loads(shell(f"fleetleak evaluate {cases} --json", programs, empty))["fleetleak"]["overall"]
    assert (report["leaks"], report["recall"], report["false_alarms"]) == (1, 1.0, 0)
