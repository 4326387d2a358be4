"""A part of the stream changes only its own attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

STREAM = Path(__file__).parents[2] / "fleetleak" / "stream"


def outside_writes(source: str) -> Iterator[str]:
    """Return the assignments to attributes of anything but `self`, and of what the function itself made."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        made = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else targets
            for target in (t for one in targets for t in ast.walk(one)):
                if isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store):
                    owner = ast.unparse(target.value)
                    if owner not in {"self", *made}:
                        yield ast.unparse(target)


@pytest.mark.parametrize("path", sorted(STREAM.glob("*.py")), ids=lambda path: path.name)
def test_no_module_writes_into_another_object(path: Path) -> None:
    assert list(outside_writes(path.read_text())) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("self.x = 1", []),
        ("partition.x = 1", ["partition.x"]),
        ("self.partition.x += 1", ["self.partition.x"]),
        ("a, partition.x = 1, 2", ["partition.x"]),
        ("record = Record()\n    record.x = 1", []),
    ],
)
def test_writes_are_found(body: str, found: list[str]) -> None:
    assert list(outside_writes(f"def f(self, partition):\n    {body}")) == found
