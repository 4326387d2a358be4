"""Parsers of the kernel's text files: small pure functions on bytes (proc(5), kernel docs of PSI).

The text of a file may be cut, wrapped or garbage. A bad value becomes None, and a bad line is left out. For
each, the parser calls its argument `bad` once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

from fleetleak.records.types import MOST_BYTES, MOST_COUNT, MOST_UNIX_SECONDS

CHUNK = 8192
# The kernel returns files of many lines page by page, so only a read well below a page is the last one.
SHORT = 2048
# No file that is read here has nearly this size on a real host: more would only cost memory and time.
LONGEST_FILE = 4 * 2**20

# The kernel's PID_MAX_LIMIT.
MOST_PID = 2**22
# Digits of 2**64. Python is slow with many more, and refuses thousands of them.
MOST_DIGITS = 20

Bad = Callable[[], object]
# The value None stands for a bad one.
Keyed = dict[bytes, int | None]

_KIBIBYTES = re.compile(rb"^([^:\n]+):[ \t]*([^\n]*) kB$", re.MULTILINE)
_NO_COLON = re.compile(rb"^[^:\n]+$", re.MULTILINE)
# The only line of /proc/<pid>/status whose text the process chooses.
_FREE_TEXT = b"Name"
_UNLIMITED = (b"max", b"unlimited")


def ignore() -> None:
    """Ignore a bad value."""


def contents(descriptor: int) -> bytes:
    """Return an open file from its beginning to its end, but at most LONGEST_FILE + 1 bytes.

    Raises
    ------
    OSError
        If the process or cgroup of the file is gone.
    """
    data = os.pread(descriptor, CHUNK, 0)
    return data if len(data) < SHORT else the_rest(descriptor, data)


def the_rest(descriptor: int, data: bytes) -> bytes:
    """Return the first chunk `data` with the rest of the file, but at most LONGEST_FILE + 1 bytes."""
    chunks, size = [data], len(data)
    while len(chunks[-1]) >= SHORT and size <= LONGEST_FILE:
        chunks.append(os.pread(descriptor, CHUNK, size))
        size += len(chunks[-1])
    return b"".join(chunks)[: LONGEST_FILE + 1]


def cut(data: bytes) -> bytes:
    """Return the whole lines within the first LONGEST_FILE bytes; all these bytes if no line ends there."""
    end = data.rfind(b"\n", 0, LONGEST_FILE) + 1
    return data[: end or LONGEST_FILE]


def read_file(path: str) -> bytes:
    """Return a whole file; of one that is too long, the whole lines within LONGEST_FILE bytes.

    Raises
    ------
    OSError
        If it is gone or may not be read.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        data = contents(descriptor)
    finally:
        os.close(descriptor)
    return cut(data) if len(data) > LONGEST_FILE else data


def whole(digits: bytes, most: int, bad: Bad = ignore) -> int | None:
    """Return a whole number; None for anything but ASCII digits, and for more than `most`.

    Examples
    --------
    >>> whole(b"4096", MOST_BYTES), whole(b"-1", MOST_BYTES), whole(b"18446744073709551615", MOST_BYTES)
    (4096, None, None)
    """
    # isdigit of bytes accepts ASCII digits only.
    if digits.isdigit() and len(digits) <= MOST_DIGITS and (number := int(digits)) <= most:
        return number
    bad()
    return None


def lines_of(*keys: bytes) -> re.Pattern[bytes]:
    """Return the pattern of the lines with some keys, for `keyed`."""
    return re.compile(rb"\n(" + b"|".join(map(re.escape, keys)) + rb") ([^\n]*)")


def keyed(data: bytes, lines: re.Pattern[bytes], bad: Bad = ignore) -> Keyed:
    """Return the numbers of lines `key value` (vmstat, memory.stat); of equal keys the first counts.

    Examples
    --------
    >>> keyed(b"anon 4096\\nanon_thp 0\\nfile 0\\n", lines_of(b"anon", b"file"))
    {b'file': 0, b'anon': 4096}
    """
    # Each line is a key, a space and a value: the count shows bad lines that the pattern does not read.
    if data.count(b" ") != data.count(b"\n"):
        bad()
    matches = reversed(lines.findall(b"\n" + data))
    return {key: whole(digits, MOST_COUNT, bad) for key, digits in matches}


def number(values: Keyed, *keys: bytes) -> int | None:
    """Return the sum of the values of `keys`; None if one of them is absent or bad.

    Examples
    --------
    >>> number({b"active_anon": 1, b"active_file": 2}, b"active_anon", b"active_file")
    3
    """
    total = 0
    for key in keys:
        value = values.get(key)
        if value is None:
            return None
        total += value
    return total


def value(data: bytes, key: bytes, bad: Bad = ignore) -> int | None:
    """Return the counter `key` from lines `key value` (memory.events, cpu.stat); None if absent or bad.

    Examples
    --------
    >>> value(b"oom 3\\noom_kill 1\\n", b"oom_kill")
    1
    """
    _, start, rest = (b"\n" + data).partition(b"\n" + key + b" ")
    return whole(rest.partition(b"\n")[0], MOST_COUNT, bad) if start else None


def faults(values: Keyed, prefix: bytes = b"") -> tuple[int | None, int | None]:
    """Return minor and major faults; the minor ones are negative where the counters contradict each other."""
    # The kernel's pgfault counts both.
    major = values.get(prefix + b"pgmajfault")
    return difference(values.get(prefix + b"pgfault"), major), major


def difference(total: int | None, part: int | None) -> int | None:
    """Return `total - part`: None where one is unknown, negative where they contradict each other."""
    return None if total is None or part is None else total - part


def kibibytes(data: bytes, bad: Bad = ignore) -> dict[bytes, int]:
    """Return the bytes of lines `Name:  n kB` (meminfo, status); other lines are left out.

    Every line of these files has a colon. Of equal names the first counts.

    Examples
    --------
    >>> kibibytes(b"Name:\\tcache 64 kB\\nVmRSS:\\t  12 kB\\nThreads:\\t3\\n")
    {b'VmRSS': 12288}
    """
    for _ in _NO_COLON.findall(data):
        bad()
    values: dict[bytes, int] = {}
    for name, digits in _KIBIBYTES.findall(data):
        if name != _FREE_TEXT and name not in values:
            size = whole(digits, MOST_BYTES // 1024, bad)
            if size is not None:
                values[name] = size * 1024
    return values


class Stat(NamedTuple):
    """Fields of `/proc/<pid>/stat`: name, page faults, CPU time and start in clock ticks."""

    comm: str
    minor_faults: int | None
    major_faults: int | None
    cpu_ticks: int | None
    start_ticks: int | None


def stat(data: bytes, bad: Bad = ignore) -> Stat | None:
    """Return the fields of `/proc/<pid>/stat`; None where not even the name can be read.

    The name may contain spaces, brackets and bytes that are not UTF-8.
    """
    begin, end = data.find(b"("), data.rfind(b")")
    if not 0 <= begin < end:
        bad()
        return None
    words = data[end + 1 :].split(None, 20) + [b""] * 20
    chosen = (words[7], words[9], words[11], words[12], words[19])
    minor, major, user, system, start = [whole(word, MOST_COUNT, bad) for word in chosen]
    return Stat(
        comm=data[begin + 1 : end].decode("utf-8", "backslashreplace"),
        minor_faults=minor,
        major_faults=major,
        cpu_ticks=None if user is None or system is None else user + system,
        start_ticks=start,
    )


class Pages(NamedTuple):
    """Resident pages of a process, and the private ones of them: close to RssAnon, and cheaper to read."""

    resident: int
    private: int


def pages(data: bytes) -> Pages | None:
    """Return the pages of `/proc/<pid>/statm`; None for any other text.

    Examples
    --------
    >>> pages(b"900 300 100 1 0 200 0")
    Pages(resident=300, private=200)
    """
    words = data.split(None, 3)
    if len(words) < 3:
        return None
    resident, shared = whole(words[1], MOST_BYTES), whole(words[2], MOST_BYTES)
    return None if resident is None or shared is None else Pages(resident, resident - shared)


def finite(text: bytes, bad: Bad = ignore) -> int | None:
    """Return a limit in bytes; None for `max`, `unlimited`, cgroup v1's huge numbers, and bad ones such as 0.

    Examples
    --------
    >>> finite(b"max\\n"), finite(b"9223372036854771712\\n"), finite(b"4096\\n")
    (None, None, 4096)
    """
    word = text.strip()
    if word in _UNLIMITED:
        return None
    limit = whole(word, 2**64, bad)
    if limit == 0:
        bad()
    return limit if limit and limit < MOST_BYTES else None


def soft_limit(data: bytes, name: bytes, bad: Bad = ignore) -> int | None:
    """Return one soft limit of `/proc/<pid>/limits`, in bytes; None where it is unlimited or absent."""
    _, start, rest = (b"\n" + data).partition(b"\n" + name + b" ")
    words = rest.partition(b"\n")[0].split(None, 1)
    return finite(words[0] if words else b"", bad) if start else None


def stall_seconds(data: bytes, bad: Bad = ignore) -> dict[bytes, float]:
    """Return the stall times of a PSI file, `some` and `full`, in seconds; the file has microseconds.

    Examples
    --------
    >>> stall_seconds(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\\n")
    {b'some': 2.5}
    """
    seconds: dict[bytes, float] = {}
    for line in data.split(b"\n"):
        tasks, _, rest = line.partition(b" ")
        total = whole(rest.rpartition(b"total=")[2], MOST_COUNT, bad) if line else None
        if total is not None:
            seconds.setdefault(tasks, total / 1e6)
    return seconds


def busy_ticks(data: bytes, bad: Bad = ignore) -> int | None:
    """Return the CPU time of the whole host without idle and iowait, in clock ticks, from `/proc/stat`."""
    first, *counters = data.partition(b"\n")[0].split()[:9] or [b""]
    ticks = [whole(word, MOST_COUNT) for word in counters]
    if first != b"cpu" or len(ticks) != 8 or None in ticks:
        bad()
        return None
    return sum(tick for place, tick in enumerate(ticks) if tick is not None and place not in (3, 4))


def boot_time(data: bytes) -> float | None:
    """Return the time of the boot in unix seconds, from `/proc/stat`."""
    _, start, rest = data.partition(b"\nbtime ")
    seconds = whole(rest.partition(b"\n")[0], MOST_UNIX_SECONDS) if start else None
    return None if seconds is None else float(seconds)


def socket_pages(data: bytes, bad: Bad = ignore) -> int | None:
    """Return the pages held by TCP and UDP sockets, from `/proc/net/sockstat`."""
    lines = [words for words in map(bytes.split, data.splitlines()) if b"mem" in words]
    # The number after `mem`; empty where the line ends with that word.
    sizes = [whole(b"".join(words[words.index(b"mem") + 1 :][:1]), MOST_BYTES, bad) for words in lines]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None
