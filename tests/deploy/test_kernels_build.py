"""The package is built without a C compiler, too; it has no kernels then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_a_compiler_the_build_succeeds_and_leaves_the_kernels_out(tmp_path: Path) -> None:
    shutil.copy(ROOT / "setup.py", tmp_path)
    shutil.copytree(
        ROOT / "processors/kernels", tmp_path / "processors/kernels", ignore=shutil.ignore_patterns("*.so")
    )
    built = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--build-lib", "out"],
        cwd=tmp_path, env=os.environ | {"CC": "false"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert "building extension" in built.stderr
    assert not list(tmp_path.rglob("*.so"))
