"""What benchmarks share: medians, ratios within one run, memory, and a description of the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("river", "numpy", "msgspec", "orjson", "confluent-kafka")


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


def report(figures: Mapping[str, float], as_json: bool) -> None:
    """Print figures, one per line, or as one line of JSON."""
    if as_json:
        print(json.dumps(dict(figures)))
        return
    print(machine())
    for name, figure in figures.items():
        print(f"{name:44} {figure:.4g}")
