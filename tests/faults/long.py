"""The whole suite at full size: `python -m tests.faults.long [pytest arguments]`."""

from __future__ import annotations

import os
import subprocess
import sys


def main(arguments: list[str]) -> int:
    """Run every scenario, mutation, outcome, and the large campaigns; return pytest's exit code."""
    words = ["-m", "pytest", "tests/faults", "-v", "-rP", "--timeout=7200", "--durations=0", *arguments]
    return subprocess.run(
        [sys.executable, *words], env=os.environ | {"FAULTS_LONG": "1"}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
