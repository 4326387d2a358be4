"""The image holds every package of the wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from fleetleak_app import roles

ROOT = Path(__file__).parents[2]


def test_every_package_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE)
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert copied == [name for name in packages if not name.endswith(".*")]


def test_what_a_role_or_delivery_needs_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installs = re.search(r"'\.\[(.*)\]'", (ROOT / "deploy" / "Dockerfile").read_text())
    assert installs is not None
    extras = set(installs[1].split(","))
    for extra in list(extras):
        extras |= {
            name
            for other in project["optional-dependencies"][extra]
            if other.startswith("fleetleak[")
            for name in re.findall(r"\w+", other)[1:]
        }
    needed = {spec.extra for spec in roles.roles()} | {spec.extra for spec in roles.deliveries()}
    assert needed - {None} <= extras
