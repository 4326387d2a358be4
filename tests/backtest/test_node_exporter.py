"""A real node_exporter of this host, scraped by a real Prometheus: the same host as the agent measures."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from fleetleak.records import Snapshot
from fleetleak.settings.tree import PrometheusSettings
from producers.host.context import Context
from producers.prometheus.api import Api
from producers.prometheus.assemble import Assembler
from producers.prometheus.discover import NoData, discover, infos, source_of
from producers.prometheus.matchers import newest
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Window
from tests.backtest.real import RealPrometheus
from tests.kafka.support import wait_for
from tests.producers.test_agent import Client, publisher_of

SHARES = ("total", "available", "used", "free", "anon", "file", "limit", "limit_used", "slab_unreclaimable")
COUNTERS = ("pressure_some", "pressure_full", "oom_kills")


@pytest.fixture(scope="module")
def scraped(live: RealPrometheus) -> Snapshot:
    """The host as the newest scrape has it."""
    with closing(Api(PrometheusSettings(url=live.url))) as api:
        found: list[Snapshot] = []

        def there() -> bool:
            try:
                found[:] = now(api)
            except NoData:
                return False
            return bool(found)

        wait_for(there, what="a scrape of node_exporter")
    (host,) = found
    return host


def now(api: Api) -> list[Snapshot]:
    window = Window(float(int(time.time()) - 1), 2.0, 1)
    asked = discover(api, ["node"], (), window)
    assembler = Assembler(PRESETS)
    for info, select in infos(["node"], ()):
        assembler.learn(info, api.series(select, window.end - 60, window.end))
    read = [(source_of(one), api.range(newest(one.select, source_of(one), 2.0), window)) for one in asked]
    return list(assembler.snapshots(window, {"node": read}))


def test_it_is_the_host_that_the_agent_measures(scraped: Snapshot, tmp_path: Path) -> None:
    from producers.host.agent import build

    client = Client()
    context = Context(Path("/proc"), Path("/sys/fs/cgroup"), socket.gethostname())
    build(context, publisher_of(client), 30.0, collectors=["host", "pressure"]).tick()
    (measured,) = [one for one in client.snapshots() if one.scope == "host"]
    assert (scraped.service, scraped.instance) == (measured.service, measured.instance)
    assert scraped.host == measured.host
    assert measured.total is not None
    for name in SHARES:
        ours, theirs = getattr(measured, name), getattr(scraped, name)
        assert abs(ours - theirs) < 0.1 * measured.total, name
    for name in COUNTERS:
        assert (getattr(scraped, name) is None) == (getattr(measured, name) is None), name
    assert scraped.started == pytest.approx(measured.started, abs=120)
