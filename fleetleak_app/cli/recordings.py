"""What `replay`, `plot` and `backtest` share: the options for the files, and reading them."""

from __future__ import annotations

import argparse
import sys

from fleetleak_app.cli import CommandFailed
from fleetleak_app.reading import (
    UNIT_CHOICES,
    BadRecording,
    Options,
    Recording,
    judged,
    parse_mapping,
    parse_size,
    read,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files, and the options that say how to read them."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="CSV, Parquet or JSON, gzip too (docs/replay.md)"
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how to read files."""
    parser.add_argument(
        "--columns", default="", metavar="FIELD=COLUMN,...",
        help='columns whose names are not known: by name, in quotes ("a,b") or by position (#3)',
    )  # fmt: skip
    parser.add_argument("--unit", choices=UNIT_CHOICES, help="unit of columns of bytes without their own")
    for name in ("limit", "total"):
        parser.add_argument(f"--{name}", metavar="BYTES", help=f"one {name} for every row, such as 4GiB")


def load(arguments: argparse.Namespace) -> Recording:
    """Read the files, and print on stderr how they were understood.

    Raises
    ------
    CommandFailed
        If they cannot be read, or too few rows can be judged.
    """
    try:
        recording = read(arguments.files, options(arguments))
        for line in recording.notes.lines():
            print(f"note: {line}", file=sys.stderr)
        return judged(recording)
    except BadRecording as error:
        raise CommandFailed(str(error)) from None


def options(arguments: argparse.Namespace) -> Options:
    """Return the options for reading files.

    Raises
    ------
    BadRecording
        If one of them cannot be used.
    """
    sizes = _size("--limit", arguments.limit), _size("--total", arguments.total)
    return Options(parse_mapping(arguments.columns), arguments.unit, *sizes)


def _size(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_size(text)
    except BadRecording as error:
        raise BadRecording(f"{option}: {error}") from None
