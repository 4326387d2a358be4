"""`fleetleak config`: the effective settings and where each came from."""

from __future__ import annotations

import argparse

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
    """Print them."""
    if arguments.reference:
        print(reference(), end="")
        return 0
    values = {s.path: mask(getattr(getattr(loaded.settings, s.section), s.name)) for s in all_settings()}
    if arguments.json:
        both = {path: {"value": value, "origin": loaded.origin[path]} for path, value in values.items()}
        print(orjson.dumps(both).decode())
        return 0
    for path, value in values.items():
        print(f"{path} = {orjson.dumps(value).decode():<40} # {loaded.origin[path]}")
    return 0
