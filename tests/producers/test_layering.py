"""Code that all sources of snapshots share imports nothing of a single source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SHARED = sorted((Path(__file__).parents[2] / "producers").glob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of every module or object that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_what_sources_share_does_not_import_the_host() -> None:
    assert "publisher.py" in {path.name for path in SHARED}
    imports = {path.name: list(imported(path)) for path in SHARED}
    broken = [(file, name) for file, names in imports.items() for name in names if "producers.host" in name]
    assert broken == []
