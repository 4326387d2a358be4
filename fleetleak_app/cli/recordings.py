"""What `replay` and `plot` share: the options for the files, and reading them."""

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
        columns = parse_mapping(arguments.columns)
        sizes = _size("--limit", arguments.limit), _size("--total", arguments.total)
        options = Options(columns, arguments.unit, *sizes)
        recording = read(arguments.files, options)
        for line in recording.notes.lines():
            print(f"note: {line}", file=sys.stderr)
        return judged(recording)
    except BadRecording as error:
        raise CommandFailed(str(error)) from None


def _size(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_size(text)
    except BadRecording as error:
        raise BadRecording(f"{option}: {error}") from None
