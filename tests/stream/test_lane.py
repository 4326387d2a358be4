"""The pauses between attempts, when a record is given up, and what a newer record does to an older one."""

from __future__ import annotations

import random
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from fleetleak.stream import Record
from fleetleak.stream.lane import Lane
from fleetleak.stream.retry import Retry
from fleetleak.stream.target import Answer, Delivered, Never, Target, TryAgain

DAY = 86400.0


class Now(Executor):
    """Runs what is submitted at once."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Answering(Target):
    """A target that always answers the same, and remembers the offsets of what it was offered."""

    NAME = "answering"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.offered: list[int] = []

    def attempt(self, record: Record) -> Answer:
        self.offered.append(record.offset)
        return self.answer


def record(offset: int, key: bytes | None) -> Record:
    return Record(0, offset, key, b"v", float(offset))


def lane_of(*records: Record, newest_only: bool = True, give_up_seconds: float = DAY) -> Lane:
    lane = Lane(Retry(random.Random(1), give_up_seconds), newest_only)
    lane.restore()
    for one in records:
        lane.take(one)
    return lane


def turn(lane: Lane, target: Target, now: float) -> Answer | None:
    """Start an attempt if it is time, and return its answer."""
    lane.superseded()
    lane.start(Now(), target, now)
    return lane.answer(now)


def test_pauses_double_up_to_five_minutes_and_are_spread() -> None:
    retry = Retry(random.Random(7), 1e9)
    retry.begin(0.0)
    pauses = []
    for _ in range(14):
        answer = retry.after(TryAgain("busy"), 0.0)
        assert isinstance(answer, TryAgain)
        pauses.append(answer.after_seconds or 0.0)
    longest = [min(2.0**n, 300.0) for n in range(14)]
    shares = [pause / most for pause, most in zip(pauses, longest, strict=True)]
    assert all(0.5 <= share <= 1 for share in shares)
    assert max(shares) - min(shares) > 0.2


@pytest.mark.parametrize("asked", [0.0, 0.1, 0.5, 3.0])
def test_a_target_is_not_called_without_a_pause(asked: float) -> None:
    answer = Retry(random.Random(1), DAY).after(TryAgain("busy", asked), 0.0)
    assert answer == TryAgain("busy", max(asked, 0.5))


@pytest.mark.parametrize("asked", [None, 7200.0, float("inf")])
def test_a_record_is_given_up_a_day_after_its_first_attempt(asked: float | None) -> None:
    lane, target = lane_of(record(0, b"a")), Answering(TryAgain("busy", asked))
    now, answers = 100.0, []
    while now < 100.0 + DAY + 1:
        if (answer := turn(lane, target, now)) is not None:
            answers.append(answer)
        if isinstance(answer, Never):
            break
        now += 100.0
    assert answers[-1] == Never("gave-up", "busy", "gave-up")
    assert now >= 100.0 + DAY


def test_a_newer_record_takes_the_place_of_one_that_waits() -> None:
    lane, target = lane_of(record(0, b"a")), Answering(TryAgain("busy", 10.0))
    turn(lane, target, 0.0)
    for newer in (record(1, b"b"), record(2, b"a"), record(3, b"a")):
        lane.take(newer)
    assert lane.superseded() == 2
    assert lane.done == 1, "the one that was dropped is done with"
    assert turn(lane, target, 9.0) is None, "the pause goes on"
    target.answer = Delivered()
    assert turn(lane, target, 10.0) == Delivered()
    assert lane.next().offset == 3
    assert lane.done == 1, "what was passed is not committed"
    turn(lane, target, 10.0)
    assert lane.next().offset == 1
    assert lane.done == 4
    assert target.offered == [0, 3, 1]


@pytest.mark.parametrize(("key", "newest_only"), [(b"a", False), (None, True)])
def test_it_does_not_where_records_do_not_replace_each_other(key: bytes | None, newest_only: bool) -> None:
    lane = lane_of(record(0, key), record(1, key), newest_only=newest_only)
    turn(lane, Answering(TryAgain("busy")), 0.0)
    assert lane.superseded() == 0


def test_a_record_that_was_never_tried_is_not_replaced() -> None:
    lane = lane_of(record(0, b"a"), record(1, b"a"))
    assert lane.superseded() == 0


def test_a_new_record_has_a_day_of_its_own() -> None:
    lane, target = lane_of(record(0, b"a")), Answering(TryAgain("busy", 10.0))
    turn(lane, target, 0.0)
    lane.take(record(1, b"a"))
    assert turn(lane, target, DAY) == TryAgain("busy", 10.0)


def test_nothing_is_committed_or_begun_before_the_brokers_have_what_belongs_to_it() -> None:
    lane, target = lane_of(record(0, b"a"), record(1, b"b")), Answering(Delivered())
    turn(lane, target, 0.0)
    lane.next()
    lane.published()
    assert (lane.done, turn(lane, target, 0.0)) == (None, None)
    lane.acknowledged()
    assert lane.done == 1
    assert turn(lane, target, 0.0) == Delivered()
