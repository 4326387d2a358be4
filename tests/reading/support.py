"""Small files of known content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleetleak_app.reading import Options, Recording, parse_mapping, read

START = 1_790_000_000
GIB, MIB = 2**30, 2**20
TIMES = [START + 60 * n for n in range(6)]
USED = [GIB + n * MIB for n in range(6)]
TOTAL = 4 * GIB


def table(header: str, *columns: Sequence[object], delimiter: str = ",") -> str:
    """Return the text of a table."""
    lines = (delimiter.join(map(str, row)) for row in zip(*columns, strict=True))
    return "\n".join([header, *lines, ""])


def plain(delimiter: str = ",") -> str:
    """Return the text of a recording of one service that needs no options."""
    header = delimiter.join(("service", "timestamp", "used", "total"))
    return table(header, ["app"] * 6, TIMES, USED, [TOTAL] * 6, delimiter=delimiter)


def written(directory: Path, content: str | bytes, name: str = "app.csv") -> str:
    """Write a file, and return its name."""
    path = directory / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def reading(
    directory: Path, content: str | bytes, name: str = "app.csv", columns: str = "", unit: str | None = None
) -> Recording:
    """Read a file of this content."""
    return read([written(directory, content, name)], Options(parse_mapping(columns), unit))


def is_plain(recording: Recording) -> bool:
    """Return whether it is the recording of `plain`."""
    columns = recording.columns
    return (columns["service"], columns["timestamp"], columns["used"], columns["total"]) == (
        ["app"] * 6, TIMES, USED, [TOTAL] * 6,
    )  # fmt: skip
