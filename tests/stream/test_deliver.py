"""Delivery to a target outside Kafka, on the real Kafka."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
from fleetleak.kafka.scan import scan
from fleetleak.settings import Settings
from fleetleak.stream import Record
from fleetleak.stream.dead_letter import origin_of
from fleetleak.stream.deliver import Deliver
from fleetleak.stream.target import Answer, Delivered, Never, Target, TryAgain
from tests.kafka.support import in_thread, metric, read_all, send, wait_for

pytestmark = pytest.mark.kafka


class Listening(Target):
    """A target that remembers what it was offered and what it took; `answer` decides."""

    NAME = "listening"

    def __init__(self, answer: Callable[[Record], Answer] = lambda record: Delivered()) -> None:
        self._answer = answer
        self.offered: list[bytes] = []
        self.taken: list[bytes] = []

    def attempt(self, record: Record) -> Answer:
        self.offered.append(record.value or b"")
        answer = self._answer(record)
        if isinstance(answer, Delivered):
            self.taken.append(record.value or b"")
        return answer


@contextlib.contextmanager
def delivering(settings: Settings, target: Listening) -> Iterator[Deliver]:
    names = topics.names(settings.kafka.topic_prefix)
    group = f"{settings.kafka.topic_prefix}-deliver"
    deliver = Deliver(settings, target, names.alerts, group, names.dead_letter, start="earliest")
    with in_thread(deliver.run):
        yield deliver


def put(settings: Settings, partition: int, *values: bytes) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    send(settings, names.alerts, [(b"k", value) for value in values], partition)


def test_each_partition_is_delivered_in_order_and_remembered(settings: Settings) -> None:
    put(settings, 0, b"a1", b"a2", b"a3")
    put(settings, 1, b"b1", b"b2")
    first = Listening()
    with delivering(settings, first):
        wait_for(lambda: len(first.taken) == 5, what="five deliveries")
    assert [v for v in first.taken if v.startswith(b"a")] == [b"a1", b"a2", b"a3"]
    assert [v for v in first.taken if v.startswith(b"b")] == [b"b1", b"b2"]
    put(settings, 0, b"a4")
    second = Listening()
    with delivering(settings, second):
        wait_for(lambda: second.taken == [b"a4"], what="the new record alone")


def test_a_record_that_waits_holds_up_its_own_partition_only(settings: Settings) -> None:
    refusals = Counter[bytes]()

    def answer(record: Record) -> Answer:
        refusals[record.value or b""] += 1
        if record.value == b"a1" and refusals[b"a1"] < 4:
            return TryAgain("busy", 0.5)
        return Delivered()

    put(settings, 0, b"a1", b"a2")
    put(settings, 1, b"b1", b"b2")
    target = Listening(answer)
    with delivering(settings, target):
        wait_for(lambda: len(target.taken) == 4, what="all of them")
    assert target.taken == [b"b1", b"b2", b"a1", b"a2"]
    assert target.offered.count(b"a1") == 4


def test_a_slow_attempt_holds_up_its_own_partition_only(settings: Settings) -> None:
    release = threading.Event()

    def answer(record: Record) -> Answer:
        if record.value == b"a1":
            release.wait(30)
        return Delivered()

    put(settings, 0, b"a1")
    put(settings, 1, b"b1", b"b2")
    target = Listening(answer)
    with delivering(settings, target):
        wait_for(lambda: target.taken == [b"b1", b"b2"], what="the other partition")
        name = "fleetleak_deliver_waiting_seconds"
        wait_for(lambda: metric(name, target="listening") > 1, what="its time in the topic")
        release.set()
        wait_for(lambda: len(target.taken) == 3, what="the slow one")
        wait_for(lambda: metric(name, target="listening") == 0, what="nothing that waits")


def test_what_is_refused_or_keeps_failing_becomes_a_dead_letter(settings: Settings) -> None:
    def answer(record: Record) -> Answer:
        if record.value == b"never":
            return Never("gone", "there is no such channel")
        if record.value == b"boom":
            raise RuntimeError("boom on purpose")
        return Delivered()

    before = metric("fleetleak_deliver_attempts_total", target="listening", outcome="never")
    put(settings, 0, b"never", b"boom", b"fine")
    target = Listening(answer)
    with delivering(settings, target):
        wait_for(lambda: target.taken == [b"fine"], what="the one that is taken")
    names = topics.names(settings.kafka.topic_prefix)
    assert sorted(value for _, _, value in read_all(settings, names.dead_letter)) == [b"boom", b"never"]
    assert metric("fleetleak_deliver_attempts_total", target="listening", outcome="never") - before == 2


def test_an_attempt_under_way_is_remembered_at_the_end(settings: Settings) -> None:
    def answer(record: Record) -> Answer:
        time.sleep(0.5)
        return Delivered()

    put(settings, 0, b"a1")
    first, second = Listening(answer), Listening()
    with delivering(settings, first):
        wait_for(lambda: first.offered == [b"a1"], what="the attempt")
    assert first.taken == [b"a1"]
    put(settings, 0, b"a2")
    with delivering(settings, second):
        wait_for(lambda: second.taken == [b"a2"], what="the new record alone")


def test_more_records_than_fit_in_memory_wait_in_kafka(settings: Settings) -> None:
    put(settings, 0, *(b"%d" % n for n in range(500)))
    release = threading.Event()

    def answer(record: Record) -> Answer:
        release.wait(30)
        return Delivered()

    target = Listening(answer)
    with delivering(settings, target):
        wait_for(lambda: target.offered == [b"0"], what="the first attempt")
        time.sleep(1.0)
        release.set()
        wait_for(lambda: len(target.taken) == 500, what="all of them")
    assert target.taken == [b"%d" % n for n in range(500)]


def test_partitions_move_to_a_second_process(settings: Settings) -> None:
    first, second = Listening(), Listening()
    admin = AdminClient(client.common(settings.kafka))
    with delivering(settings, first):
        put(settings, 0, b"a1")
        wait_for(lambda: first.taken == [b"a1"], what="the first delivery")
        with delivering(settings, second):
            group = f"{settings.kafka.topic_prefix}-deliver"

            def members() -> int:
                described = admin.describe_consumer_groups([group])[group].result()
                return sum(bool(member.assignment.topic_partitions) for member in described.members)

            wait_for(lambda: members() == 2, what="a partition each")
            put(settings, 0, b"a2")
            put(settings, 1, b"b1")
            wait_for(lambda: len(first.taken) + len(second.taken) == 3, what="the other two")
    assert Counter(first.taken + second.taken) == Counter([b"a1", b"a2", b"b1"])


class Storing(Listening):
    """A target that stores each value under its key, and remembers what it was given of each partition."""

    def __init__(self, answer: Callable[[Record], Answer] = lambda record: Delivered()) -> None:
        super().__init__(answer)
        self.given: dict[int, dict[bytes, bytes]] = {}
        self.rests = 0

    def assigned(self, partition: int, stored: dict[bytes, bytes]) -> None:
        assert not self.offered
        self.given[partition] = stored

    def attempt(self, record: Record) -> Answer:
        assert record.partition in self.given
        answer = super().attempt(record)
        return answer._replace(stored=((b"s", record.value),)) if isinstance(answer, Delivered) else answer

    def revoked(self, partition: int) -> None:
        del self.given[partition]

    def idle(self) -> None:
        self.rests += 1


def test_what_a_target_stored_is_given_to_the_next_one(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)

    def make(target: Target) -> Deliver:
        group = f"{settings.kafka.topic_prefix}-deliver"
        return Deliver(
            settings, target, names.alerts, group, names.dead_letter, "earliest", state_topic=names.sent
        )

    put(settings, 0, b"a1", b"a2")
    first, second = Storing(), Storing()
    with in_thread(make(first).run):
        wait_for(lambda: first.taken == [b"a1", b"a2"], what="two deliveries")
        assert first.given == {0: {}, 1: {}}
        wait_for(lambda: first.rests > 1, what="idle calls")
    assert first.given == {}, "revoked at the end"
    assert read_all(settings, names.sent) == [(0, b"s", b"a1"), (0, b"s", b"a2")]
    deliver = make(second)
    assert deliver.ready() is not None
    with in_thread(deliver.run):
        wait_for(lambda: deliver.ready() is None, what="readiness")
        assert second.given == {0: {b"s": b"a2"}, 1: {}}
    assert second.offered == []


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_what_comes_after_the_first_start_is_never_passed_over(
    settings: Settings, protocol: Literal["classic", "consumer"]
) -> None:
    settings.kafka.group_protocol = protocol
    names = topics.names(settings.kafka.topic_prefix)
    group = f"{settings.kafka.topic_prefix}-deliver"
    put(settings, 0, b"before")
    for _ in range(2):
        # Nothing came while it ran, so it delivered nothing and committed nothing but where it began.
        idle = Deliver(settings, Listening(), names.alerts, group, names.dead_letter)
        with in_thread(idle.run):
            # Called at once, so in the round that they belong to.
            wait_for(lambda: idle.owned() == [0, 1] and idle.ready() is None, what="an assignment")  # noqa: B023
    put(settings, 0, b"between")
    target = Listening()
    with in_thread(Deliver(settings, target, names.alerts, group, names.dead_letter).run):
        wait_for(lambda: bool(target.taken), what="the record that came in between")
    assert target.taken == [b"between"]


def test_what_is_given_up_becomes_a_dead_letter_that_names_the_target(settings: Settings) -> None:
    names = topics.names(settings.kafka.topic_prefix)
    group = f"{settings.kafka.topic_prefix}-deliver"
    put(settings, 0, b"stuck", b"fine")
    target = Listening(lambda record: TryAgain("busy", 0.1) if record.value == b"stuck" else Delivered())
    deliver = Deliver(
        settings, target, names.alerts, group, names.dead_letter, "earliest", give_up_seconds=0.5
    )
    with in_thread(deliver.run):
        wait_for(lambda: target.taken == [b"fine"], what="the next one")
    (letter,) = scan(settings.kafka, names.dead_letter, 2)
    origin = origin_of(letter)
    assert (origin.reason, origin.target, letter.value()) == ("gave-up", "listening", b"stuck")
