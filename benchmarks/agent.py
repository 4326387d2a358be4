"""The cost of the agent: CPU per tick and memory, for 200 cgroups and 1,000 processes.

`python -m benchmarks.agent [--json]`. The trees are synthetic, in a temporary directory, with as many files
per cgroup as a kernel has. The agent runs in its own process and publishes over TCP to the mock broker of
librdkafka in the parent. The CPU time counts every thread of the agent, also while it waits.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from fleetleak.observe import metrics
from producers.buffer import Buffer
from producers.host import procfs
from producers.host.agent import build
from producers.host.cgroupfs import Version2
from producers.host.context import Context
from producers.publisher import Publisher

UNITS, PODS, CONTAINERS_PER_POD = 100, 20, 4
PROCESSES, PROCESSES_PER_GROUP = 1000, 3
INTERVAL_SECONDS = 30.0
MIB = 2**20
# Names of the other files that a kernel has in a cgroup with the usual controllers.
OTHER_FILES = [
    f"{name}.{part}" for name in ("cpu", "cpuset", "hugetlb", "io", "pids", "rdma") for part in range(8)
]

STAT_LINES = 60


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)


def _stat() -> str:
    keys = [
        *Version2.STAT.values(),
        b"inactive_file",
        b"active_file",
        b"active_anon",
        b"inactive_anon",
        b"pgfault",
        b"pgmajfault",
    ]
    names = [key.decode() for key in keys]
    names += [f"other_{number}" for number in range(STAT_LINES - len(names))]
    return "".join(f"{name} {12 * MIB}\n" for name in names)


def _group(directory: Path, pids: list[int]) -> None:
    pressure = "{} avg10=0.00 avg60=0.00 avg300=0.00 total=1234567\n"
    files = {
        "memory.current": f"{300 * MIB}\n",
        "memory.max": f"{512 * MIB}\n",
        "memory.high": "max\n",
        "memory.swap.current": "0\n",
        "memory.stat": _stat(),
        "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
        "memory.pressure": pressure.format("some") + pressure.format("full"),
        "cpu.stat": "usage_usec 123456789\nuser_usec 100\nsystem_usec 100\nnr_periods 0\n",
        "cgroup.procs": "".join(f"{pid}\n" for pid in pids),
    }
    _write(directory, {**files, **dict.fromkeys(OTHER_FILES, "0\n")})


def _groups(root: Path) -> list[Path]:
    units = [root / f"system.slice/unit-{number}.service" for number in range(UNITS)]
    burstable = root / "kubepods.slice/kubepods-burstable.slice"
    for pod in range(PODS):
        uid = f"{pod:08d}_0000_4000_8000_000000000000"
        directory = burstable / f"kubepods-burstable-pod{uid}.slice"
        names = [f"cri-containerd-{pod * 100 + number:064x}.scope" for number in range(CONTAINERS_PER_POD)]
        units += [directory, *(directory / name for name in names)]
    return units


def build_trees(root: Path) -> None:
    """Write a host of 200 cgroups and 1,000 processes, 540 of them in those cgroups."""
    shared = "meminfo vmstat stat net/sockstat pressure/memory"
    for name in shared.split():
        _write((root / "proc" / name).parent, {Path(name).name: Path("/proc", name).read_text()})
    _write(root / "cgroup", {"cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma\n"})
    pids = iter(range(100, 100 + PROCESSES))
    groups = _groups(root / "cgroup")
    # The group of a pod itself has no process.
    members = {group: [] if group.suffix == ".slice" else _take(pids) for group in groups}
    for group, inside in members.items():
        _group(group, inside)
    above = {parent for group in groups for parent in group.parents if root / "cgroup" in parent.parents}
    for slice_directory in sorted(above - set(groups)):
        _group(slice_directory, [])
    for pid in range(100, 100 + PROCESSES):
        _process(root / "proc" / str(pid), pid)


def _take(pids: Iterator[int]) -> list[int]:
    return [next(pids) for _ in range(PROCESSES_PER_GROUP)]


def _process(directory: Path, pid: int) -> None:
    names = ("status", "limits", "cgroup")
    files = {name: Path("/proc/self", name).read_text() for name in names}
    files["stat"] = (
        f"{pid} (worker-{pid % 40}) S 1 1 1 0 -1 0 {pid} 0 3 0 100 50 0 0 20 0 4 0 {pid * 100} 9 9 9\n"
    )
    # Like most hosts: a few large processes and many small ones.
    files["statm"] = f"90000 {3000 + 400_000 // (1 + pid * 7919 % 1000)} 2500 900 0 20000 0\n"
    files["cmdline"] = f"/usr/bin/worker\0--queue\0{pid % 40}\0"
    _write(directory, files)


def _cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of all threads during `work`."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run_agent(root: Path, address: str, ticks: int, idle_seconds: float) -> dict[str, float]:
    """Return the cost of ticks and of waiting, measured in this process."""
    context = Context(root / "proc", root / "cgroup", "bench-host", environment="bench")
    publisher = Publisher(
        {"bootstrap.servers": address}, "fleetleak.snapshots", Buffer(100_000, 16 * MIB), metrics
    )
    agent = build(context, publisher, INTERVAL_SECONDS)
    pause = threading.Event()

    def tick() -> int:
        records = len(agent.tick().measured)
        while publisher.waiting:
            pause.wait(0.1)
            publisher.pump()
        return records

    records = [tick() for _ in range(5)][-1]
    per_tick = _cpu_seconds(lambda: [tick() for _ in range(ticks)]) / ticks
    idle = _cpu_seconds(lambda: pause.wait(idle_seconds)) / idle_seconds
    status = procfs.kibibytes(procfs.read_file("/proc/self/status"))
    publisher.close(5.0)
    return {
        "cpu_percent_of_core_at_30s": 100 * (per_tick / INTERVAL_SECONDS + idle),
        "cpu_ms_per_tick": 1000 * per_tick,
        "cpu_ms_per_idle_second": 1000 * idle,
        "rss_mib": status[b"VmRSS"] / MIB,
        "rss_peak_mib": status[b"VmHWM"] / MIB,
        "records_per_tick": records,
    }


def measure_agent(ticks: int, idle_seconds: float) -> dict[str, Any]:
    """Build the trees, and return the figures of an agent in its own process."""
    broker = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    node = broker.list_topics(timeout=30).brokers[1]
    with tempfile.TemporaryDirectory() as directory:
        _say("building the trees")
        build_trees(Path(directory))
        _say(f"measuring {ticks} ticks and {idle_seconds:.0f} s of waiting")
        child = [sys.executable, "-m", "benchmarks.agent", "--child", directory, f"{node.host}:{node.port}"]
        child += ["--ticks", str(ticks), "--idle-seconds", str(idle_seconds)]
        done = subprocess.run(child, stdout=subprocess.PIPE, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def measure_node_exporter(scrapes: int) -> dict[str, float | None]:
    """Return the cost of scrapes of Debian's prometheus-node-exporter on this host; None if not installed."""
    keys = (
        "node_exporter_cpu_percent_of_core_at_30s",
        "node_exporter_cpu_ms_per_scrape",
        "node_exporter_rss_mib",
    )
    binary = shutil.which("prometheus-node-exporter")
    if not binary:
        _say("prometheus-node-exporter is not installed: no comparison")
        return dict.fromkeys(keys)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [binary, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as exporter:
        try:
            _say(f"measuring {scrapes} scrapes of prometheus-node-exporter")
            cpu = _scrape(exporter.pid, port, scrapes)
            rss = procfs.kibibytes(procfs.read_file(f"/proc/{exporter.pid}/status"))[b"VmRSS"] / MIB
        finally:
            exporter.terminate()
    return dict(zip(keys, (100 * cpu / INTERVAL_SECONDS, 1000 * cpu, rss), strict=True))


def _scrape(pid: int, port: int, scrapes: int) -> float:
    """Return the CPU seconds per scrape."""
    for _ in range(50):
        if _get(port):
            break
        time.sleep(0.1)
    before = _cpu_ticks(pid)
    for _ in range(scrapes):
        assert _get(port)
        time.sleep(0.1)
    return (_cpu_ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / scrapes


def _cpu_ticks(pid: int) -> int:
    stat = procfs.stat(procfs.read_file(f"/proc/{pid}/stat"))
    assert stat
    assert stat.cpu_ticks is not None
    return stat.cpu_ticks


def _get(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return len(connection.getresponse().read()) > 0
    except ConnectionError:
        return False
    finally:
        connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--ticks", type=int, default=60, help="ticks and scrapes to measure")
    parser.add_argument("--idle-seconds", type=float, default=20.0, help="seconds of waiting to measure")
    parser.add_argument("--child", nargs=2, metavar=("ROOT", "ADDRESS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        root, address = arguments.child
        print(json.dumps(run_agent(Path(root), address, arguments.ticks, arguments.idle_seconds)))
        return
    size = {"cgroups": UNITS + PODS * (1 + CONTAINERS_PER_POD), "processes": PROCESSES}
    result = {**size, **measure_agent(arguments.ticks, arguments.idle_seconds)}
    result |= measure_node_exporter(arguments.ticks)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, figure in result.items():
        print(f"{name:44} {'not measured' if figure is None else f'{figure:.4g}'}")


if __name__ == "__main__":
    main()
