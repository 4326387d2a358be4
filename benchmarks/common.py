"""What benchmarks share: medians, ratios within one run, memory, and a description of the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

Figures = Mapping[str, float | Mapping[str, float]]
"""Figures by name; some of them are several, one for each size or part."""

PACKAGES = ("river", "numpy", "msgspec", "orjson", "confluent-kafka")


def say(line: str) -> None:
    """Show progress."""
    print(line, file=sys.stderr, flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of one call, in seconds; other work on the machine does not count."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def median_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the median processor time of several calls, in seconds."""
    return statistics.median(seconds(work) for _ in range(repeats))


def ratio(
    slow: Callable[[], float], fast: Callable[[], float], repeats: int = 5
) -> tuple[float, float, float]:
    """Measure two costs in turns; return the median of their ratios, and the median of each.

    In turns, other work on the machine slows down both sides.
    """
    pairs = [(slow(), fast()) for _ in range(repeats)]
    medians = [statistics.median(side) for side in zip(*pairs, strict=True)]
    return statistics.median(a / b for a, b in pairs), medians[0], medians[1]


def medians(turns: Sequence[Figures]) -> dict[str, float | dict[str, float]]:
    """Return the median of each figure over the turns that have it."""
    names = dict.fromkeys(name for turn in turns for name in turn)
    return {name: _median([turn[name] for turn in turns if name in turn]) for name in names}


def _median(values: Sequence[float | Mapping[str, float]]) -> float | dict[str, float]:
    mappings = [value for value in values if isinstance(value, Mapping)]
    if mappings:
        return {name: statistics.median(one[name] for one in mappings) for name in mappings[0]}
    return statistics.median(value for value in values if not isinstance(value, Mapping))


def load_average() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


def resident_bytes() -> int:
    """Return the resident memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine() -> str:
    """Return one line with processor, load and versions."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} x {model}, load {load}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {packages}"
    )


def report(figures: Figures, as_json: bool) -> None:
    """Print figures, one per line, or as one line of JSON."""
    if as_json:
        print(json.dumps(dict(figures)))
        return
    print(machine())
    for name, figure in figures.items():
        several = figure.items() if isinstance(figure, Mapping) else [("", figure)]
        for at, one in several:
            print(f"{f'{name} {at}':44} {one:.4g}")
