"""One real Prometheus a session, with five days of a small fleet; and one that scrapes this host, live."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.backtest.proxy import Proxy, proxied, real
from tests.backtest.real import RealPrometheus, filled, node_exporter, serving


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    data, begin = filled(folder)
    with serving(folder, data, begin) as running:
        yield running


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    """A Prometheus that scrapes itself and a node_exporter of this host, every second."""
    folder = tmp_path_factory.mktemp("live")
    with (
        node_exporter(folder) as port,
        serving(folder, folder / "data", int(time.time()), {"node": port}) as running,
    ):
        yield running


@pytest.fixture
def proxy(prometheus: RealPrometheus) -> Iterator[Proxy]:
    """A proxy in front of the first one, of the test's own."""
    with proxied(real(prometheus.url)) as running:
        yield running
