"""The cost of a bridge (`bridge.py`), and of a backtest beyond the time of the queries, and its memory.

`python -m benchmarks.ingest [--json] [--turns N]`. For the backtest the parent answers as a Prometheus would,
with the history of a made-up fleet: a hundred containers, eight metrics each, one of twenty leaks. A backtest
runs in a process of its own, whose processor time and peak memory are measured, for a short and a long
history. The difference leaves out the start. Beside it, in the same turn, a program fetches and decodes the
same answers, and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks import bridge
from benchmarks.common import Figures, load_average, medians, report, say
from fleetleak.observe.garbage import collect_seldom

CONTAINERS, LEAK_EVERY, STEP = 100, 20, 60
METRICS = (
    "container_memory_working_set_bytes", "container_memory_rss", "container_memory_usage_bytes",
    "container_memory_cache", "container_memory_swap", "container_spec_memory_limit_bytes",
    "container_start_time_seconds", "container_cpu_usage_seconds_total",
)  # fmt: skip
SHORT, LONG, LONGEST = 100, 1_350, 4_050
"""Steps of a history: between the short and the long one there are a million samples."""
MIB = 2**20
METRIC = re.compile(r"container_[a-z_]+")


@lru_cache(maxsize=4 * CONTAINERS)
def memory(container: int, tick: int) -> int:
    """Return one sample: a day's season, noise, and a leak in one of twenty containers, in bytes."""
    noise = (tick * 7919 + container * 104729) % 101 / 50
    leak = (tick % 4_000) * 0.2 if container % LEAK_EVERY == 0 else 0.0
    return int((200 + 20 * abs((tick % 1440) / 720 - 1) + noise + leak) * MIB)


def value(metric: str, container: int, tick: int) -> int:
    """Return one sample of a metric."""
    others = {
        "container_memory_cache": 30 * MIB,
        "container_memory_swap": 0,
        "container_spec_memory_limit_bytes": 1024 * MIB,
        "container_start_time_seconds": 1_700_000_000,
        "container_cpu_usage_seconds_total": 18 * tick,
    }
    return others[metric] if metric in others else memory(container, tick) + 30 * MIB * ("usage" in metric)


def answer(query: str, begin: int, end: int, step: int) -> bytes:
    """Return what a Prometheus would answer to a range query."""
    found = METRIC.search(query)
    metric = found[0] if found else ""
    times = range(begin, end + 1, step)
    if metric not in METRICS or 'container=""' in query:
        result: list[dict[str, object]] = []
    elif query.startswith("count("):
        result = [{"metric": {}, "values": [[time, str(CONTAINERS)] for time in times]}]
    else:
        result = [
            {
                "metric": labels(metric, container),
                "values": [[time, str(value(metric, container, time // STEP))] for time in times],
            }
            for container in range(CONTAINERS)
        ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def labels(metric: str, container: int) -> dict[str, str]:
    """Return the labels of one series."""
    return {
        "__name__": metric, "container": "app", "namespace": "shop", "node": f"node-{container % 10}",
        "pod": f"service{container:03d}-7d9f8c6b5-x2x4z", "image": "registry/app:1.0",
        "name": f"app-{container}", "instance": "10.0.0.5:10250",
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers range queries; of infos it knows none."""

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(split.query).items()}
        body = b'{"status":"success","data":[]}'
        if split.path.endswith("query_range"):
            body = answer(asked["query"], *(int(float(asked[name])) for name in ("start", "end", "step")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write no log."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve in a thread; give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; return its processor time in seconds, and its peak memory in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def backtest(url: str, steps: int) -> tuple[float, float]:
    """Run a backtest of so many steps."""
    since = f"{steps * STEP}s"
    return measured([sys.executable, "-m", "fleetleak_app", "backtest", url, "--since", since, "--json"])


def decode(url: str, steps: int) -> None:
    """Fetch and decode a history, and do nothing else."""
    piece = 500
    for metric in METRICS:
        for first in range(0, steps, piece):
            begin = 1_790_000_000 // STEP * STEP + first * STEP
            end = begin + (min(piece, steps - first) - 1) * STEP
            asked = urlencode({"query": f"x({metric})", "start": begin, "end": end, "step": STEP})
            with urllib.request.urlopen(f"{url}/api/v1/query_range?{asked}") as response:  # noqa: S310 - this process
                json.loads(response.read())


def decoding(url: str, steps: int) -> float:
    """Return the processor time of decoding alone, in seconds."""
    return measured([sys.executable, "-m", "benchmarks.ingest", "--decode", url, "--steps", str(steps)])[0]


def turn(url: str) -> Figures:
    """Measure once."""
    short, _ = backtest(url, SHORT)
    took, peak = backtest(url, LONG)
    _, longest_peak = backtest(url, LONGEST)
    alone = decoding(url, LONG) - decoding(url, SHORT)
    samples = (LONG - SHORT) * CONTAINERS * len(METRICS)
    return {
        "backtest_samples_per_cpu_s": samples / (took - short),
        "backtest_us_per_snapshot": 1e6 * (took - short) / ((LONG - SHORT) * CONTAINERS),
        "backtest_decode_share": alone / (took - short),
        "backtest_start_cpu_s": short,
        "backtest_rss_mib": peak,
        "backtest_rss_mib_of_three_times_the_length": longest_peak,
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--decode", metavar="ADDRESS", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.decode:
        decode(arguments.decode, arguments.steps)
        return
    before = load_average()
    # As in a role.
    collect_seldom()
    rows = []
    with serving() as url:
        for number in range(arguments.turns):
            say(f"turn {number + 1} of {arguments.turns}")
            rows.append({**bridge.turn(), **turn(url)})
    figures = medians(rows) | {"turns": arguments.turns, "load_before": before, "load_after": load_average()}
    report(figures, arguments.json)


if __name__ == "__main__":
    main()
