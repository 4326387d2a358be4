"""One real Prometheus a session, with five days of a small fleet."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.backtest import fleet
from tests.backtest.proxy import Proxy, proxied, real
from tests.components import needed
from tests.notify.servers import free_port

# It scrapes itself, so that there is something live, too.
_SCRAPE = """
scrape_configs:
- job_name: prometheus
  scrape_interval: 1s
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class RealPrometheus(NamedTuple):
    """A running Prometheus: its address, where its data is, when the data begin, and its promtool."""

    url: str
    data: Path
    begin: int
    promtool: Path


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    server, promtool = needed("prometheus", "prometheus", "promtool")
    folder = tmp_path_factory.mktemp("prometheus")
    begin = int(time.time()) // fleet.STEP * fleet.STEP - int(fleet.DAYS * 86400)
    text, data = folder / "fleet.om", folder / "data"
    with text.open("w") as file:
        file.writelines(f"{sample.line()}\n" for sample in fleet.samples(begin))
        file.write("# EOF\n")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=48h", "-q", text, data],
        check=True, capture_output=True, timeout=200,
    )  # fmt: skip
    port = free_port()
    (folder / "prometheus.yml").write_text(_SCRAPE.format(port=port))
    with (folder / "log").open("w") as log, subprocess.Popen(
        [
            server, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=log,
    ) as running:  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        _wait_ready(f"{url}/-/ready", running, folder / "log")
        yield RealPrometheus(url, data, begin, promtool)
        running.terminate()


@pytest.fixture
def proxy(prometheus: RealPrometheus) -> Iterator[Proxy]:
    """A proxy in front of it, of the test's own."""
    with proxied(real(prometheus.url)) as running:
        yield running


def _wait_ready(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - on this host
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"Prometheus did not start: {log.read_text()[-2000:]}")
