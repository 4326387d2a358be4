"""Real programs of a Prometheus: the server, promtool and node_exporter, each started for tests."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.backtest import fleet
from tests.components import needed
from tests.notify.servers import free_port

_JOB = """
- job_name: {job}
  scrape_interval: 1s
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class RealPrometheus(NamedTuple):
    """A running Prometheus: its address, where its data is, when the data begin, and its promtool."""

    url: str
    data: Path
    begin: int
    promtool: Path


def filled(folder: Path) -> tuple[Path, int]:
    """Return data with five days of a small fleet until now, and when they begin."""
    (promtool,) = needed("prometheus", "promtool")
    begin = int(time.time()) // fleet.STEP * fleet.STEP - int(fleet.DAYS * 86400)
    text, data = folder / "fleet.om", folder / "data"
    with text.open("w") as file:
        file.writelines(f"{sample.line()}\n" for sample in fleet.samples(begin))
        file.write("# EOF\n")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=48h", "-q", text, data],
        check=True, capture_output=True, timeout=200,
    )  # fmt: skip
    return data, begin


@contextmanager
def serving(
    folder: Path, data: Path, begin: int, jobs: Mapping[str, int] | None = None
) -> Iterator[RealPrometheus]:
    """Run a Prometheus on data; it scrapes itself, if there are jobs, and the port of each job."""
    server, promtool = needed("prometheus", "prometheus", "promtool")
    port = free_port()
    every = {"prometheus": port, **jobs} if jobs is not None else {}
    scraped = "".join(_JOB.format(job=job, port=number) for job, number in every.items())
    (folder / "prometheus.yml").write_text(f"scrape_configs:\n{scraped}")
    command = [
        server, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with _running([str(word) for word in command], f"{url}/-/ready", folder / "prometheus.log"):
        yield RealPrometheus(url, data, begin, promtool)


@contextmanager
def node_exporter(folder: Path) -> Iterator[int]:
    """Run a node_exporter of this host; give its port."""
    (program,) = needed("prometheus-node-exporter", "prometheus-node-exporter")
    port = free_port()
    collectors = [f"--collector.{name}" for name in ("meminfo", "vmstat", "uname", "stat", "pressure")]
    command = [str(program), f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults"]
    with _running([*command, *collectors], f"http://127.0.0.1:{port}/metrics", folder / "node_exporter.log"):
        yield port


@contextmanager
def _running(command: list[str], ready: str, log: Path) -> Iterator[None]:
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as running:
        try:
            _wait(ready, running, log)
            yield
        finally:
            running.terminate()


def _wait(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - on this host
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{running.args!r} did not start: {log.read_text()[-2000:]}")
