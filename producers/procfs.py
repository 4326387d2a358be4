"""Readers of the kernel's text files: small pure functions on bytes (proc(5), kernel docs of PSI)."""

from __future__ import annotations

import os
from typing import NamedTuple

CHUNK = 8192
# The kernel hands out files of many lines a page at a time, so only a read well below a page is the end.
SHORT = 2048
NO_LIMIT = 2**60

Keyed = dict[bytes, bytes]


def contents(descriptor: int) -> bytes:
    """Read an open file from its beginning to its end.

    Raises
    ------
    OSError
        If what it tells of is gone.
    """
    data = chunk = os.pread(descriptor, CHUNK, 0)
    while len(chunk) >= SHORT:
        chunk = os.pread(descriptor, CHUNK, len(data))
        data += chunk
    return data


def read_file(path: str) -> bytes:
    """Read a whole file once.

    Raises
    ------
    OSError
        If it is gone or may not be read.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return contents(descriptor)
    finally:
        os.close(descriptor)


def keyed(data: bytes) -> Keyed:
    """Parse lines of `key value` (vmstat, memory.stat, memory.events, cpu.stat).

    Examples
    --------
    >>> keyed(b"anon 4096\\nfile 0\\n")
    {b'anon': b'4096', b'file': b'0'}
    """
    words = data.split()
    return dict(zip(words[::2], words[1::2], strict=False))


def number(values: Keyed, *keys: bytes) -> int | None:
    """Add up the values of `keys`; None if one of them is absent.

    Examples
    --------
    >>> number({b"active_anon": b"1", b"active_file": b"2"}, b"active_anon", b"active_file")
    3
    """
    total = 0
    for key in keys:
        value = values.get(key)
        if value is None:
            return None
        total += int(value)
    return total


def value(data: bytes, key: bytes) -> int | None:
    """Find the one value of `key` in lines of `key value`.

    Examples
    --------
    >>> value(b"oom 3\\noom_kill 1\\n", b"oom_kill")
    1
    """
    _, found, rest = (b"\n" + data).partition(b"\n" + key + b" ")
    return int(rest.split(None, 1)[0]) if found else None


def minor_faults(values: Keyed, prefix: bytes = b"") -> int | None:
    """Give minor faults: the kernel's `pgfault` counts the major ones too."""
    faults = number(values, prefix + b"pgfault")
    major = number(values, prefix + b"pgmajfault")
    return None if faults is None or major is None else max(0, faults - major)


def kibibytes(data: bytes) -> dict[bytes, int]:
    """Parse lines of `Name:  n kB` (meminfo, status) into bytes; other lines are left out.

    Examples
    --------
    >>> kibibytes(b"VmRSS:\\t  12 kB\\nThreads:\\t3\\n")
    {b'VmRSS': 12288}
    """
    values = {}
    for line in data.splitlines():
        if line.endswith(b" kB"):
            name, _, size = line.partition(b":")
            values[name] = int(size[:-3]) * 1024
    return values


class Stat(NamedTuple):
    """What `/proc/<pid>/stat` says: `comm`, page faults, CPU time and start time in clock ticks."""

    comm: str
    minor_faults: int
    major_faults: int
    cpu_ticks: int
    start_ticks: int


def stat(data: bytes) -> Stat:
    """Parse `/proc/<pid>/stat`; the name may hold spaces and brackets.

    Raises
    ------
    ValueError, IndexError
        If this is not such a line.
    """
    begin, end = data.index(b"(") + 1, data.rindex(b")")
    fields = data[end + 2 :].split()
    return Stat(
        comm=data[begin:end].decode("utf-8", "replace"),
        minor_faults=int(fields[7]),
        major_faults=int(fields[9]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        start_ticks=int(fields[19]),
    )


def private_pages(data: bytes) -> int:
    """Give resident pages that are not shared, from `/proc/<pid>/statm`: near RssAnon, and cheaper.

    Examples
    --------
    >>> private_pages(b"900 300 100 1 0 200 0")
    200
    """
    _, resident, shared = data.split(None, 3)[:3]
    return int(resident) - int(shared)


def finite(value: bytes) -> int | None:
    """Read a limit; None for `max`, `unlimited` and cgroup v1's huge numbers.

    Examples
    --------
    >>> finite(b"max\\n"), finite(b"9223372036854771712\\n"), finite(b"4096\\n")
    (None, None, 4096)
    """
    digits = value.strip()
    if not digits.isdigit():
        return None
    limit = int(digits)
    return limit if limit < NO_LIMIT else None


def soft_limit(data: bytes, name: bytes) -> int | None:
    """Give one soft limit of `/proc/<pid>/limits`; None where it is unlimited."""
    begin = data.find(name)
    if begin < 0:
        return None
    words = data[begin + len(name) :].split(None, 1)
    return finite(words[0]) if words else None


def stall_seconds(data: bytes) -> dict[bytes, float]:
    """Parse a PSI file into seconds of stall: `some` and `full`, whose `total` is in microseconds.

    Examples
    --------
    >>> stall_seconds(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\\n")
    {b'some': 2.5}
    """
    seconds = {}
    for line in data.splitlines():
        kind, _, rest = line.partition(b" ")
        seconds[kind] = int(rest.rpartition(b"total=")[2]) / 1e6
    return seconds


def busy_ticks(data: bytes) -> int:
    """Give CPU time of the whole host that was not idle, in clock ticks, from `/proc/stat`."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, data.split(None, 9)[1:9])
    return user + nice + system + irq + softirq + steal


def boot_time(data: bytes) -> float | None:
    """Give unix seconds of the boot, from `/proc/stat`."""
    _, found, rest = data.partition(b"\nbtime ")
    return float(rest.split(None, 1)[0]) if found else None


def socket_pages(data: bytes) -> int | None:
    """Give pages held by TCP and UDP sockets, from `/proc/net/sockstat`."""
    found = [words for words in map(bytes.split, data.splitlines()) if b"mem" in words]
    return sum(int(words[words.index(b"mem") + 1]) for words in found) if found else None
