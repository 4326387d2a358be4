"""Random damage to trees of /proc and cgroups."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

ODD_NUMBERS = [
    b"",
    b"-1",
    b"0",
    b"18446744073709551615",
    b"18446744073708785356",
    b"9223372036854775807",
    b"9223372036854775808",
    b"1152921504606846976",
    b"1152921504606846977",
    b"1.5",
    b"1e308",
    b"0xffff",
    b"nan",
    b"inf",
    b"\xd9\xa1\xd9\xa2",
    b"9" * 5000,
    b"max",
]
DEPTH = 1500
LINES = 1_000_000

Random = random.Random
Change = Callable[[bytes, Random], bytes]


def _digits(data: bytes, rng: Random) -> bytes:
    numbers = list(re.finditer(rb"\d+", data))
    if not numbers:
        return data + b"1"
    chosen = rng.choice(numbers)
    return data[: chosen.start()] + rng.choice(ODD_NUMBERS) + data[chosen.end() :]


def _all_digits(data: bytes, rng: Random) -> bytes:
    odd = rng.choice(ODD_NUMBERS)
    return re.sub(rb"\d+", lambda _: odd, data)


def _insert(data: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    noise = rng.choice([rng.randbytes(rng.randrange(1, 40)), b"\0" * 8, b"\n\n", b" kB\n", b" ", b"\r", b":"])
    return data[:place] + noise + data[place:]


def _lines(data: bytes, rng: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines and rng.random() < 0.5:
        del lines[rng.randrange(len(lines))]
    elif lines:
        lines += rng.sample(lines, rng.randrange(1, len(lines) + 1))
    rng.shuffle(lines)
    return b"".join(lines)


CHANGES: list[Change] = [
    _digits,
    _digits,
    _all_digits,
    _insert,
    _lines,
    lambda data, rng: data[: rng.randrange(len(data) + 1)],
    lambda data, rng: b"",
    lambda data, rng: data.rstrip(b"\n"),
    lambda data, rng: rng.randbytes(rng.randrange(200)),
    lambda data, rng: data.replace(b"\n", b"\r\n"),
    lambda data, rng: data.replace(b" ", b"\t"),
]


def spoil_file(file: Path, rng: Random) -> None:
    """Damage one file: its text, or its type."""
    kind = rng.random()
    if kind < 0.85 and file.is_file():
        file.write_bytes(rng.choice(CHANGES)(file.read_bytes(), rng))
        return
    if file.is_file() and kind > 0.998:
        with file.open("ab") as end:
            end.write(b"123456\n" * LINES)
        return
    if file.is_dir():
        return
    file.unlink()
    if kind > 0.97:
        file.mkdir()
    elif kind > 0.94:
        file.symlink_to(file.name)


def add_groups(top: Path, rng: Random) -> None:
    """Add groups that are nested deep or have odd names; none has the name of an existing group."""
    deep = rng.choice(["a", "deep.service"])
    if rng.random() < 0.1 and not (top / deep).exists():
        nest(top, deep, DEPTH)
        return
    name = rng.choice([b"\xff\xfe.service", b"lxc.payload.\xc3", "\N{SNOWMAN}.service".encode(), b"x" * 255])
    group = Path(os.fsdecode(os.fsencode(top) + b"/" + name))
    group.mkdir(exist_ok=True)
    for file in ("memory.current", "memory.usage_in_bytes"):
        (group / file).write_bytes(b"4096\n")
    (group / "memory.stat").write_bytes(b"anon 4096\ntotal_rss 4096\n")


def nest(top: Path, name: str, depth: int) -> None:
    """Nest directories of one name, deeper than the longest path reaches."""
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(top)
        for _ in range(depth):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.fchdir(before)
        os.close(before)


def remove(tree: Path) -> None:
    """Remove a tree, however deep it is."""
    # Python's rmtree is recursive, and would go too deep.
    subprocess.run(["/bin/rm", "-rf", str(tree)], check=True)
