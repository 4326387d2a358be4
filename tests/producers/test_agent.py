"""The agent's loop, metrics and logs, with a clock and a client that the tests control."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from confluent_kafka import Producer

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Snapshot
from producers.buffer import Buffer
from producers.host.agent import Agent, build
from producers.host.collectors import COLLECTORS, NoData, UnknownCollector
from producers.host.context import Context
from producers.host.reader import DENIED
from producers.host.tick import Tick
from producers.publisher import Publisher
from producers.schedule import Schedule


class Clock:
    """Two clocks that only the tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_790_000_000.0 + self.now


class Stop(threading.Event):
    """Waiting moves the clock; set after a number of seconds of it."""

    def __init__(self, clock: Clock, after: float) -> None:
        super().__init__()
        self._clock = clock
        self._after = after

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert timeout > 0
        self._clock.now += timeout
        if self._clock.now >= self._after:
            self.set()
        return self.is_set()


class Client:
    """Keeps what is produced; acknowledges it at the next poll."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.keys: list[bytes] = []
        self._callbacks: list[Callable[[Any, Any], None]] = []

    def poll(self, _seconds: float) -> None:
        self.flush(0)

    def flush(self, _seconds: float) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for delivered in callbacks:
            delivered(None, None)

    def produce(self, _topic: str, *, key: bytes, value: bytes, on_delivery: Any) -> None:
        self.keys.append(key)
        self.values.append(value)
        self._callbacks.append(on_delivery)

    def snapshots(self) -> list[Snapshot]:
        return [Decoder(Snapshot).decode(value) for value in self.values]


def publisher_of(client: Client) -> Publisher:
    return Publisher({}, "t", Buffer(1000, 2**20), metrics, lambda _: cast(Producer, client))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 600 kB\n")
    return Context(proc, tmp_path / "cgroup", "node-a")


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"fleetleak_producer_{name}", labels) or 0.0


def test_samples_on_the_grid_until_stopped(context: Context) -> None:
    client, clock = Client(), Clock()
    ticks, published = value("ticks_total"), value("published_records_total")
    build(context, publisher_of(client), 30.0, clock).run(Stop(clock, after=95.0))
    assert [one.timestamp - 1_790_000_000.0 for one in client.snapshots()] == [0.0, 30.0, 60.0, 90.0]
    assert client.keys == [b"host/node-a"] * 4
    assert value("ticks_total") - ticks == 4
    assert value("published_records_total") - published == 4


class Slow:
    """Takes 40 seconds the first time."""

    NAME: ClassVar[str] = "slow"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = [40.0]

    def collect(self, tick: Tick) -> None:
        self._clock.now += self._left.pop() if self._left else 0.0


def test_a_slow_tick_is_counted_and_the_next_one_is_on_the_grid(context: Context) -> None:
    client, clock = Client(), Clock()
    late, slow = value("late_ticks_total"), value("collect_seconds_sum", collector="slow")
    collectors = [Slow(clock), COLLECTORS["host"](context)]
    agent = Agent(context, publisher_of(client), Schedule(30.0, clock.monotonic), collectors, clock)
    agent.run(Stop(clock, after=95.0))
    assert [one.timestamp - 1_790_000_000.0 for one in client.snapshots()] == [0.0, 60.0, 90.0]
    assert value("late_ticks_total") - late == 1
    assert value("collect_seconds_sum", collector="slow") - slow == 40.0


class Failing:
    """Raises the given exceptions, one a tick; None is no failure."""

    NAME: ClassVar[str] = "failing"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, outcomes: list[Exception | None]) -> None:
        self._outcomes = outcomes

    def collect(self, tick: Tick) -> None:
        tick.reader.skip(DENIED, "/proc/1/mem")
        outcome = self._outcomes.pop(0)
        if outcome:
            raise outcome


def test_a_failing_collector_costs_only_itself(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client, clock = Client(), Clock()
    errors = value("collect_errors_total", collector="failing")
    denied = value("skipped_sources_total", reason="denied")
    failing = Failing([KeyError("x"), KeyError("x"), NoData("none here"), None, None])
    collectors = [failing, COLLECTORS["host"](context)]
    agent = Agent(context, publisher_of(client), Schedule(30.0, clock.monotonic), collectors, clock)
    for _ in range(5):
        agent.tick()
    assert len(client.values) == 5
    assert value("collect_errors_total", collector="failing") - errors == 2
    assert value("skipped_sources_total", reason="denied") - denied == 5
    assert [record.message for record in caplog.records] == [
        "collector failing: failed (KeyError('x'))",
        "sources denied: skipped (1, first /proc/1/mem)",
        "collector failing: no data (none here)",
        "collector failing: ok",
    ]


def test_collectors_are_chosen_by_name(context: Context) -> None:
    client, clock = Client(), Clock()
    build(context, publisher_of(client), 1.0, clock, ["process"]).tick()
    assert client.values == []
    with pytest.raises(
        UnknownCollector, match=r"^there is no collector nvme, only host, cgroup, process, pressure$"
    ):
        build(context, publisher_of(client), 1.0, clock, ["host", "nvme"])


class Nvme:
    """A new collector: one class, and one line in COLLECTORS."""

    NAME: ClassVar[str] = "nvme"
    DEFAULT: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        self._identity = context.identify.host()

    def collect(self, tick: Tick) -> None:
        tick.add(self._identity, "", limit=None, total=None, started=None, used=5)


class Optional(Nvme):
    """A collector that runs only where the setting names it."""

    NAME: ClassVar[str] = "optional"
    DEFAULT: ClassVar[bool] = False


@pytest.mark.parametrize(
    ("collector", "names", "used"),
    [(Nvme, None, [409600, 5]), (Optional, None, [409600]), (Optional, ["optional"], [5])],
)
def test_a_new_collector_needs_one_line(
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    collector: type[Nvme],
    names: list[str] | None,
    used: list[int],
) -> None:
    client, clock = Client(), Clock()
    monkeypatch.setitem(COLLECTORS, collector.NAME, collector)
    build(context, publisher_of(client), 1.0, clock, names).tick()
    assert [one.used for one in client.snapshots()] == used
    with pytest.raises(UnknownCollector, match=f"only host, cgroup, process, pressure, {collector.NAME}$"):
        build(context, publisher_of(client), 1.0, clock, ["moon"])


def test_every_collector_is_registered_under_its_name() -> None:
    assert {name: collector.NAME for name, collector in COLLECTORS.items()} == {
        name: name for name in COLLECTORS
    }


def test_the_agent_imports_nothing_heavy() -> None:
    script = (
        "import sys, producers.host.agent; print(*sorted({'numpy', 'river', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
