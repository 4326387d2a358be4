"""Two real processes of this host, and a /proc in which they are the only ones."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleetleak.kafka.broker import die_with_parent

PROCESSES = ("checkout", "orders")
_FILES = ("cpuinfo", "loadavg", "meminfo", "stat", "swaps", "uptime", "vmstat")
_OF_A_PROCESS = ("cmdline", "fd", "io", "stat", "statm", "status")


def container_id(name: str) -> str:
    """Return the id that the container of a name has in all sources."""
    return hashlib.sha256(name.encode()).hexdigest()


@contextmanager
def processes(folder: Path) -> Iterator[dict[str, int]]:
    """Run the processes; yield their ids by name."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    with contextlib.ExitStack() as stack:
        started = {}
        for name in PROCESSES:
            # A process is named for its file.
            program = Path(shutil.copy(sleep, folder / name))
            process = stack.enter_context(
                subprocess.Popen([name, "3600"], executable=program, preexec_fn=die_with_parent)
            )
            stack.callback(process.kill)
            started[name] = process.pid
        yield started


def root(folder: Path, started: dict[str, int]) -> Path:
    """Return the root of a host whose files are those of this host, but for what would name it.

    The processes are the started ones. They run in containers, and their programs are in /usr/local/bin.
    """
    proc = folder / "root" / "proc"
    proc.mkdir(parents=True)
    for name in _FILES:
        (proc / name).symlink_to(Path("/proc", name))
    for name, pid in started.items():
        own = proc / str(pid)
        own.mkdir()
        for file in _OF_A_PROCESS:
            (own / file).symlink_to(Path("/proc", str(pid), file))
        (own / "exe").symlink_to(Path("/usr/local/bin", name))
        (own / "cgroup").write_text(f"0::/system.slice/docker-{container_id(name)}.scope\n")
    return proc.parent
