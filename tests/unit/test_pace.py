"""When to commit, and when to give up."""

from __future__ import annotations

import pytest

from fleetleak.settings.tree import RuntimeSettings
from fleetleak.stream.errors import Aborted, Stalled
from fleetleak.stream.pace import Pace


class World:
    """A clock, and whether Kafka is away."""

    def __init__(self) -> None:
        self.now = 100.0
        self.away = False
        settings = RuntimeSettings(
            commit_interval_seconds=2.0, checkpoint_interval_seconds=50.0, stall_seconds=30.0
        )
        self.pace = Pace(settings, lambda: self.away, lambda: self.now)


@pytest.fixture
def world() -> World:
    return World()


def test_a_commit_is_due_once_an_interval(world: World) -> None:
    due = [world.pace.due]
    world.now += 2.0
    due.append(world.pace.due)
    world.pace.commits()
    assert [*due, world.pace.due] == [False, True, False]


def test_the_share_of_checkpoints_grows_with_the_time_since_the_last_commit(world: World) -> None:
    world.now += 5.0
    assert world.pace.share == pytest.approx(0.1)
    world.pace.commits()
    assert world.pace.share == 0.0


def test_nothing_but_aborts_for_too_long_is_no_progress(world: World) -> None:
    world.pace.aborted(Aborted("one"))
    world.now += 30.0
    world.pace.aborted(Aborted("two"))
    world.now += 0.1
    with pytest.raises(Stalled, match="nothing but aborted transactions: three"):
        world.pace.aborted(Aborted("three"))


def test_a_commit_in_between_is_progress(world: World) -> None:
    world.pace.aborted(Aborted("one"))
    world.now += 20.0
    world.pace.committed()
    world.now += 20.0
    world.pace.aborted(Aborted("two"))


def test_aborts_while_kafka_is_away_do_not_count(world: World) -> None:
    world.away = True
    for _ in range(5):
        world.pace.aborted(Aborted("away"))
        world.now += 29.0
    world.away = False
    world.pace.aborted(Aborted("back"))
