"""Whether Kafka answers, by what its clients report, and how this is logged and shown."""

from __future__ import annotations

import json
import logging
import time

import pytest
from confluent_kafka import KafkaError

from fleetleak.kafka.reach import Reach
from fleetleak.kafka.trouble import of_line
from fleetleak.settings import Settings
from fleetleak.stream.standing import Standing

REFUSED = "a:9092/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms)"


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reach(clock: Clock) -> Reach:
    return Reach(Settings().kafka, clock)


def statistics(received: int, age_seconds: float = 0.0, name: str = "c") -> str:
    told = {"name": name, "time": time.time() - age_seconds, "brokers": {"a": {"rx": received}}}
    return json.dumps(told)


def pass_seconds(clock: Clock, reach: Reach, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        reach.check(lambda: "buffering", lambda: "; none dropped")


def test_it_is_told_once_when_kafka_goes_and_once_when_it_returns(
    clock: Clock, reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(60):
        reach.log(40, "%s [%s] %s", "FAIL", "client", f"[thrd:x]: {REFUSED}")
        pass_seconds(clock, reach, 1)
    reach.statistics(statistics(1))
    pass_seconds(clock, reach, 5)
    assert [record.message for record in caplog.records if record.levelno > logging.DEBUG] == [
        "kafka is away: a:9092: connection refused: check the port in kafka.bootstrap_servers, and that"
        " Kafka runs; buffering",
        "kafka answers again after 60 s; none dropped",
    ]


def test_that_it_was_away_lately_is_known(clock: Clock, reach: Reach) -> None:
    assert not reach.returned_within(60)
    pass_seconds(clock, reach, 20)
    assert reach.returned_within(0), "it is away now"
    reach.statistics(statistics(1))
    pass_seconds(clock, reach, 1)
    answers = []
    for _ in range(3):
        answers.append(reach.returned_within(60))
        clock.now += 30.5
        reach.heard()
    assert answers == [True, True, False]


def test_a_broken_connection_beside_one_that_works_is_no_news(
    clock: Clock, reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    for received in range(60):
        reach.log(40, REFUSED)
        reach.statistics(statistics(received))
        pass_seconds(clock, reach, 1)
    assert not reach.away
    assert caplog.records == []


def test_silence_without_a_reason_takes_longer(clock: Clock, reach: Reach) -> None:
    answers = []
    for _ in range(10):
        clock.now += 1
        answers.append(reach.away)
    assert answers == [False] * 9 + [True]
    assert "it does not answer" in str(reach)


def test_statistics_of_long_ago_are_no_sign_of_life_now(clock: Clock, reach: Reach) -> None:
    clock.now += 30
    reach.statistics(statistics(5, age_seconds=25))
    assert reach.silent_seconds == pytest.approx(25, abs=1)
    reach.statistics(statistics(5))
    assert reach.silent_seconds == pytest.approx(25, abs=1), "nothing came since"
    reach.statistics(statistics(5, name="another"))
    assert reach.silent_seconds == pytest.approx(0, abs=1)


@pytest.fixture
def standing(clock: Clock, reach: Reach) -> Standing:
    return Standing(reach, 10.0, clock, lambda: clock.now)


def wait(clock: Clock, reach: Reach, seconds: float) -> None:
    """Let time pass in which brokers answer."""
    clock.now += seconds
    reach.heard()


def test_who_never_joined_is_not_ready(standing: Standing) -> None:
    assert standing.wrong() == "waiting for the consumer group"
    standing.assigned()
    assert standing.wrong() is None


def test_who_stands_by_is_ready_for_good(standing: Standing, clock: Clock, reach: Reach) -> None:
    standing.assigned()
    wait(clock, reach, 3600)
    assert standing.wrong() is None


def test_who_lost_all_and_got_nothing_is_not_ready_after_two_sessions(
    standing: Standing, clock: Clock, reach: Reach
) -> None:
    standing.assigned()
    standing.left()
    wait(clock, reach, 20)
    assert standing.wrong() is None
    wait(clock, reach, 1)
    assert standing.wrong() == (
        "no partition is owned since 1970-01-01T00:16:40+00:00: not in the consumer group"
    )
    standing.assigned()
    assert standing.wrong() is None


def test_a_member_that_is_told_increments_only_is_ready_without_partitions(
    standing: Standing, clock: Clock, reach: Reach
) -> None:
    standing.member("m-1", incremental=True)
    assert standing.wrong() == "waiting for the consumer group", "it has its id before a broker knows it"
    standing.left()
    wait(clock, reach, 100)
    standing.member("", incremental=True)
    assert standing.wrong() is not None
    standing.member("m-1", incremental=True)
    assert standing.wrong() is None


def test_nobody_is_ready_whom_no_broker_answers(standing: Standing, clock: Clock, reach: Reach) -> None:
    standing.assigned()
    clock.now += 21
    assert standing.wrong() == "no broker has answered since 1970-01-01T00:16:40+00:00"
    reach.error(KafkaError(KafkaError._TRANSPORT, REFUSED))
    assert str(standing.wrong()).endswith(": a:9092: connection refused: check the port in"
                                          " kafka.bootstrap_servers, and that Kafka runs")  # fmt: skip


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("b/1: Connection setup timed out in state CONNECT", "it does not answer"),
        ("b:1/1: Disconnected: connection closed by peer (after 3ms in state APIVERSION_QUERY)", "it closes"),
        (
            "ssl://b:1/bootstrap: SSL handshake failed: error:0A00010B: wrong version number",
            "it does not speak",
        ),
        ("ssl://b:1/bootstrap: SSL handshake failed: internal error", "the TLS handshake failed"),
        ("ApiVersion v3 unsupported by broker", "the broker is too old"),
        ("1/1 brokers are down", None),
    ],
)
def test_lines_of_librdkafka_are_told_in_words(line: str, told: str | None) -> None:
    cause = of_line(line, Settings().kafka)
    assert (cause is None) == (told is None)
    assert str(cause).startswith(str(told))
