"""`fleetleak producer prometheus`: the same snapshots as a backtest, live, to a real Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetleak.kafka import topics
from fleetleak.records import Decoder, Snapshot
from fleetleak.settings import Settings
from fleetleak.settings.tree import PrometheusSettings
from fleetleak_app.backtest.answers import Answers
from fleetleak_app.backtest.sources import Question, of_server
from producers.prometheus.api import Api, ApiFailed
from producers.prometheus.poller import Poller
from producers.prometheus.series import Points, Window
from tests.backtest import fleet
from tests.backtest.real import RealPrometheus
from tests.e2e.support import running
from tests.kafka.support import read_all, wait_for
from tests.producers.test_agent import Client, publisher_of, value

LAG = 30.0
FIRST = 3000
"""The tick of the fleet at which polling begins."""


class Clock:
    """The time of the fleet; only the test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Flaky(Api):
    """A server that fails when the test says so: for queries that have a word, and for labels."""

    fails_for: str | None = None
    refuses_labels = False

    def range(self, query: str, window: Window) -> list[Points]:
        if self.fails_for is not None and self.fails_for in query:
            raise ApiFailed("it is away")
        return super().range(query, window)

    def series(self, select: str, begin: float, end: float) -> list[dict[str, str]]:
        if self.refuses_labels:
            raise ApiFailed("labels are not given")
        return super().series(select, begin, end)


class Polled:
    """A poller of the real Prometheus, in the time of the fleet, and what it published."""

    def __init__(self, prometheus: RealPrometheus) -> None:
        self.clock = Clock(prometheus.begin + FIRST * fleet.STEP + LAG + 1)
        self._client = Client()
        self.api = Flaky(PrometheusSettings(url=prometheus.url))
        publisher = publisher_of(self._client)
        self.poller = Poller(self.api, publisher, fleet.STEP, LAG, None, (), self.clock)

    def poll(self, steps: int = 1) -> list[Snapshot]:
        """Let steps of time pass, and poll; return the new snapshots."""
        before = len(self._client.snapshots())
        self.poller.poll()
        self.clock.now += steps * fleet.STEP
        return self._client.snapshots()[before:]


@pytest.fixture
def polled(prometheus: RealPrometheus) -> Iterator[Polled]:
    made = Polled(prometheus)
    yield made
    made.api.close()


def of_backtest(prometheus: RealPrometheus, first: int, steps: int, folder: Path) -> list[Snapshot]:
    whole = Window(prometheus.begin + first * fleet.STEP, fleet.STEP, steps)
    api = Api(PrometheusSettings(url=prometheus.url))
    answers = Answers(folder, {})
    given = of_server(api, whole, Question(), answers, 2, whole.end, lambda _: None, lambda _: None)
    read = [Decoder(Snapshot).decode(record.value) for record in given.records]
    api.close()
    return read


def test_it_publishes_what_a_backtest_reads(
    polled: Polled, prometheus: RealPrometheus, tmp_path: Path
) -> None:
    live = [snapshot for _ in range(4) for snapshot in polled.poll()]
    assert {snapshot.service for snapshot in live} == fleet.SERVICES
    assert live == of_backtest(prometheus, FIRST, 4, tmp_path / "answers")


def test_steps_that_were_missed_are_asked_for(
    polled: Polled, prometheus: RealPrometheus, tmp_path: Path
) -> None:
    live = [*polled.poll(steps=7), *polled.poll()]
    assert live == of_backtest(prometheus, FIRST, 8, tmp_path / "answers")


def test_of_a_long_absence_only_the_newest_hour_is_asked_for_and_the_rest_is_counted(polled: Polled) -> None:
    before = value("late_ticks_total")
    polled.poll(steps=100)
    times = {snapshot.timestamp for snapshot in polled.poll()}
    assert len(times) == 60
    assert value("late_ticks_total") - before == 40


def test_no_step_is_published_twice(polled: Polled) -> None:
    assert polled.poll(steps=0)
    assert polled.poll() == []


def test_what_failed_is_asked_for_again(polled: Polled, prometheus: RealPrometheus, tmp_path: Path) -> None:
    live = polled.poll()
    polled.api.fails_for = "working_set"
    failed = value("collect_errors_total", collector="prometheus")
    assert polled.poll() == []
    assert value("collect_errors_total", collector="prometheus") == failed + 1
    polled.api.fails_for = None
    live += polled.poll()
    assert live == of_backtest(prometheus, FIRST, 3, tmp_path / "answers")


def test_a_metric_that_is_away_for_minutes_changes_nothing_else(polled: Polled) -> None:
    """The presets stay as they are found: the same memory would get other names."""
    before = polled.poll(steps=11)
    polled.api.fails_for = "count("
    later = polled.poll()
    assert {one.service for one in later} == {one.service for one in before}
    assert len({one.timestamp for one in later}) == 11


def test_a_server_that_gives_no_labels_is_waited_for_and_then_read_without(polled: Polled) -> None:
    polled.api.refuses_labels = True
    counts = [len(polled.poll()) for _ in range(5)]
    assert counts[:4] == [0, 0, 0, 0]
    assert counts[4] > 0
    # The names of these pods say the same as their owners.
    assert fleet.LEAKING in {one.service for one in polled.poll()}


def test_after_a_long_absence_of_kafka_and_of_the_server_late_steps_count_once(polled: Polled) -> None:
    before = value("late_ticks_total")
    polled.poll(steps=100)
    polled.api.fails_for = "working_set"
    for _ in range(5):
        polled.poll(steps=0)
    assert value("late_ticks_total") - before == 40


@pytest.mark.kafka
def test_the_command_publishes_what_a_live_prometheus_scrapes(
    settings: Settings, live: RealPrometheus, tmp_path: Path
) -> None:
    snapshots = topics.names(settings.kafka.topic_prefix).snapshots
    words = [
        "producer", "prometheus", "--prometheus-url", live.url, "--preset", "process",
        "--producer-interval-seconds", "1", "--prometheus-lag-seconds", "1",
    ]  # fmt: skip
    with running(settings, tmp_path, {"producer": words}) as roles:
        producer = roles["producer"]
        wait_for(lambda: len(read_all(settings, snapshots)) >= 6, what=producer.log)
        producer.wait_ready()
        producer.end()
    values = [json.loads(value) for _, _, value in read_all(settings, snapshots)]
    # A node_exporter exports its own memory, too.
    assert {one["service"] for one in values} == {"process/prometheus", "process/node"}
    for service in ("process/prometheus", "process/node"):
        times = [one["timestamp"] for one in values if one["service"] == service]
        assert times == sorted(set(times))
        assert all(time == int(time) for time in times)
    assert all(one["used"] > fleet.MIB and one["started"] > 0 for one in values)
