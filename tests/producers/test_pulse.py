"""The pulse: an agent that does not measure is unwell; one without acknowledgements is not ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers import ticking
from producers.host import agent
from producers.host.context import Context
from producers.pulse import Pulse
from tests.producers.test_agent import Client, Clock, Stop, publisher_of

INTERVAL = 30.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(clock: Clock) -> Pulse:
    return Pulse(INTERVAL, clock)


def test_before_the_first_tick_all_is_well(pulse: Pulse) -> None:
    assert (pulse.healthy(), pulse.ready()) == (None, None)


def test_it_is_not_ready_until_kafka_took_something(pulse: Pulse, clock: Clock) -> None:
    pulse.ticked(3)
    clock.now += 5
    assert pulse.ready() == "no acknowledgement from Kafka since the start at 2026-09-21T14:13:20+00:00"
    pulse.acknowledged(1)
    assert pulse.ready() is None


def test_three_intervals_without_an_acknowledgement_are_too_long(pulse: Pulse, clock: Clock) -> None:
    pulse.ticked(3)
    pulse.acknowledged(3)
    clock.now += INTERVAL
    for _ in range(4):
        assert pulse.ready() is None
        pulse.ticked(3)
        pulse.acknowledged(3)  # the same three as before
        clock.now += INTERVAL
    assert pulse.ready() == "no acknowledgement from Kafka since 2026-09-21T14:13:20+00:00"
    pulse.acknowledged(4)
    assert pulse.ready() is None


def test_a_host_with_nothing_to_publish_is_ready(pulse: Pulse, clock: Clock) -> None:
    for _ in range(10):
        pulse.ticked(0)
        clock.now += INTERVAL
    assert pulse.ready() is None


def test_three_intervals_without_a_tick_are_unwell(pulse: Pulse, clock: Clock) -> None:
    pulse.ticked(3)
    clock.now += 3 * INTERVAL
    assert pulse.healthy() is None
    clock.now += 1
    assert pulse.healthy() == "no tick since 2026-09-21T14:13:20+00:00"
    pulse.ticked(3)
    assert pulse.healthy() is None


def test_short_intervals_are_given_ten_seconds(clock: Clock) -> None:
    pulse = Pulse(0.1, clock)
    clock.now += 10
    assert pulse.healthy() is None
    clock.now += 1
    assert pulse.healthy() is not None


class Deaf(Client):
    """Takes what is produced, and never acknowledges any of it."""

    def flush(self, _seconds: float) -> None:
        pass


@pytest.mark.parametrize(("client", "ready"), [(Client(), True), (Deaf(), False)])
def test_the_agent_feels_its_own_pulse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Client, ready: bool
) -> None:
    monkeypatch.setattr(ticking, "FLUSH_SECONDS", 0.0)
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 600 kB\n")
    clock = Clock()
    context = Context(tmp_path, tmp_path / "cgroup", "node-a")
    made = agent.build(context, publisher_of(client), INTERVAL, clock, ["host"])
    made.run(Stop(clock, after=95.0))
    assert (made.pulse.ready() is None) == ready
    assert made.pulse.healthy() is None
    clock.now += 3 * INTERVAL
    assert made.pulse.healthy() == "no tick since 2026-09-21T14:14:50+00:00"
