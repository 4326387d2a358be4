"""`fleetleak config`: the effective settings and where each came from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import orjson

from fleetleak.settings import Loaded
from fleetleak.settings.load import all_settings, mask
from fleetleak.settings.reference import reference

HELP = "print the effective settings and where each came from; secrets are masked"
SECTIONS = (
    "kafka", "topics", "producer", "runtime", "processor", "alerting", "http", "log", "broker",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--reference", action="store_true", help="print docs/settings.md instead")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Print the settings."""
    if arguments.reference:
        print(reference(), end="")
        return 0
    values = {s.path: mask(getattr(getattr(loaded.settings, s.section), s.name)) for s in all_settings()}
    if arguments.json:
        both = {path: {"value": value, "origin": loaded.origin[path]} for path, value in values.items()}
        print(orjson.dumps(both).decode())
        return 0
    print(_toml(values, loaded.origin))
    return 0


def _toml(values: Mapping[str, Any], origin: Mapping[str, str]) -> str:
    """Return settings as a usable TOML file; a comment says where each came from."""
    lines: list[str] = []
    section = ""
    for path, value in values.items():
        if path.partition(".")[0] != section:
            section = path.partition(".")[0]
            lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        name = path.partition(".")[2]
        line = f"# {name} =" if value is None else f"{name} = {_value(value)}"
        lines.append(f"{line:<50} # {origin[path]}")
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_value(name)} = {_value(v)}" for name, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    # All other values look the same in JSON and TOML.
    return orjson.dumps(value).decode()
