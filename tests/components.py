"""Programs that tests need and that are no Python packages: on PATH, or else unpacked from Debian's packages.

A person may leave one out: `FLEETLEAK_TEST_WITHOUT=prometheus make test` skips the tests that need it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / ".tools" / "debian"


def needed(package: str, *programs: str) -> list[Path]:
    """Return the paths of programs of a Debian package; unpack it where they are not installed."""
    skip_if_left_out(package)
    found = [shutil.which(program) for program in programs]
    if all(found):
        return [Path(path) for path in found if path]
    unpacked = TOOLS / package
    if not unpacked.exists():
        _unpack(package, unpacked)
    return [unpacked / "bin" / program for program in programs]


def skip_if_left_out(package: str) -> None:
    """Skip the test if the person left out what it needs."""
    if package in os.environ.get("FLEETLEAK_TEST_WITHOUT", "").split(","):
        pytest.skip(f"left out by FLEETLEAK_TEST_WITHOUT: {package}")


def _unpack(package: str, into: Path) -> None:
    """Download a package and unpack it. Nothing is installed, and no right is needed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.fail(
            f"install {package}: there is no apt-get here to bring it along"
            f" (FLEETLEAK_TEST_WITHOUT={package} leaves its tests out)"
        )
    print(f"bringing {package} into {into}", file=sys.stderr)
    work = into.with_name(f"{package}.new")
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "root"):
        (work / folder).mkdir(parents=True)
    # Lists of its own: those of the system may be old, and belong to root.
    options = ["-q", "-o", f"Dir::State::Lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}"]
    for command in (["apt-get", *options, "update"], ["apt-get", *options, "download", package]):
        subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=280)
    (archive,) = work.glob("*.deb")
    subprocess.run(
        [shutil.which("dpkg-deb") or "", "-x", str(archive), str(work / "root")], check=True, timeout=120
    )
    (work / "root" / "usr").rename(into)
    shutil.rmtree(work)
