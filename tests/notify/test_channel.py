"""What one target is told: what is new for it, once, at most so often, and until it is over."""

from __future__ import annotations

import logging

import pytest
from msgspec.structs import replace

from fleetleak.records import Alert
from fleetleak.stream import Record
from fleetleak.stream.target import Answer, Delivered, Never, TryAgain
from sinks.notify.notifier import Notice
from sinks.notify.routes import Route
from sinks.notify.sent import Book, sent
from sinks.policy.conditions import conditions
from tests.kafka.support import metric
from tests.notify.support import START, Clock, Remembering, Told, alert, record, spec

HIGH: list[Route] = [conditions({"severity": {"at_least": "high"}}, Alert, (), "where")]
DAY = 86400.0


def later(one: Alert, seconds: float, **other: object) -> Alert:
    return replace(one, **{"state": "updated", "time": one.time + seconds, **other})


def test_each_transition_is_told_once_also_after_a_restart() -> None:
    told = Told(Remembering())
    first = alert()
    second, end = later(first, 60), later(first, 120, state="resolved")
    assert [told.outcome(one) for one in (first, first, second, first)] == [
        "delivered", "known", "delivered", "known"
    ]  # fmt: skip
    again = told.restarted()
    assert [again.outcome(one) for one in (first, second, end, second, end)] == [
        "known", "known", "delivered", "known", "known"
    ]  # fmt: skip
    assert again.restarted().outcome(end) == "known"
    assert [state for _, state in told.notifier.told()] == ["firing", "updated", "resolved"]


def test_a_target_is_told_how_it_called_the_notice_before() -> None:
    told = Told(Remembering())
    told.offer(alert())
    told.notifier.answer = lambda notice: Delivered()
    told.offer(later(alert(), 60))
    again = told.restarted()
    again.offer(later(alert(), 120))
    ref = f"ref of {alert().key}"
    assert [notice.ref for notice in told.notifier.notices] == [None, ref, ref]


@pytest.mark.parametrize(
    ("severities", "outcomes"),
    [
        (["low", "low"], ["unrouted", "unrouted"]),
        (["low", "high", "low"], ["unrouted", "delivered", "delivered"]),
        (["high", "low", "low"], ["delivered", "delivered", "delivered"]),
    ],
    ids=["never", "from-when-it-rises", "until-it-is-over"],
)
def test_what_a_target_was_told_of_it_is_told_of_until_it_is_over(
    severities: list[str], outcomes: list[str]
) -> None:
    told = Told(Remembering(), spec(HIGH))
    steps = [later(alert(), 60.0 * n, severity=severity) for n, severity in enumerate(severities)]
    assert [told.outcome(step) for step in steps] == outcomes
    end = later(alert(), 600, state="resolved", severity="low")
    assert told.outcome(end) == ("delivered" if "delivered" in outcomes else "unrouted")


def test_what_fires_again_is_told_where_a_route_leads() -> None:
    told = Told(Remembering(), spec(HIGH))
    told.offer(alert())
    told.offer(later(alert(), 60, state="resolved"))
    again = later(alert(), 120, state="firing", reopened=1)
    assert told.outcome(replace(again, severity="low")) == "unrouted"
    assert told.outcome(again) == "delivered"


class Forgetful(Remembering):
    """The target takes a repetition for something new."""

    DEDUPLICATES = False


@pytest.mark.parametrize("first", [TryAgain("no whole answer within 15 s"), Never("refused", "400")])
@pytest.mark.parametrize(("kind", "outcome"), [(Remembering, "delivered"), (Forgetful, "unrouted")])
def test_an_end_is_told_without_its_beginning_only_where_it_does_no_harm(
    kind: type[Remembering], outcome: str, first: Answer
) -> None:
    """The beginning may have arrived although the answer was lost."""
    told = Told(kind())
    told.notifier.answer = lambda notice: first
    assert told.offer(alert()) == first
    told.notifier.answer = lambda notice: Delivered()
    assert told.outcome(later(alert(), 60, state="resolved")) == outcome


@pytest.mark.parametrize(
    ("value", "reason"), [(b"{", "malformed"), (b'{"schema":"alert/9"}', "newer-schema"), (None, "empty")]
)
def test_what_cannot_be_read_is_refused(value: bytes | None, reason: str) -> None:
    told = Told(Remembering())
    answer = told.channel.attempt(Record(0, 0, b"k", value, START))
    assert isinstance(answer, Never)
    assert answer.reason == reason


def test_no_more_than_so_many_notices_a_minute() -> None:
    told = Told(Remembering(), spec(per_minute=2))
    alerts = [alert(f"s{n}") for n in range(3)]
    answers: list[Answer] = []
    for one in alerts:
        answers.append(told.offer(one))
        told.clock.now += 10
    assert answers[2] == TryAgain("rate limit of 2 a minute", 40.0, "limited")
    told.clock.now += 30
    assert told.outcome(alerts[2]) == "delivered"
    assert len(told.notifier.tried) == 3


def test_a_partition_that_was_given_up_leaves_nothing_behind() -> None:
    told = Told(Remembering())
    told.offer(alert())
    for partition in (0, 1):
        told.channel.revoked(partition)
    assert isinstance(told.channel.attempt(record(later(alert(), 60))), TryAgain)
    assert len(told.notifier.tried) == 1


def test_an_attempt_that_outlasts_its_partition_changes_nothing() -> None:
    told = Told(Remembering())

    def answer(notice: Notice) -> Answer:
        for partition in (0, 1):
            told.channel.revoked(partition)
            told.channel.assigned(partition, {})
        return Delivered()

    told.notifier.answer = answer
    assert isinstance(told.channel.attempt(record(alert())), TryAgain)
    told.notifier.answer = lambda notice: Delivered()
    assert told.outcome(alert()) == "delivered"


def test_what_was_over_a_week_ago_is_deleted_with_the_next_record() -> None:
    book = Book("ops", {})
    entries = [
        sent("ops", alert("old", state="resolved"), None),
        sent("ops", alert("older", state="firing"), None),
        sent("ops", alert("new", time=8 * DAY), None),
    ]
    stored = dict(pair for entry in entries for pair in book.note(entry))
    given = {key: value for key, value in stored.items() if value is not None}
    given[b"other\0x"] = b"of another target"
    given[b"ops\0broken"] = b"{"
    again = Book("ops", given)
    assert {entry.key for entry in again.entries()} == {entries[1].key, entries[2].key}
    first = dict(again.note(entries[2]))
    assert [key for key, value in first.items() if value is None] == [f"ops\0{entries[0].key}".encode()]
    assert len(again.note(entries[2])) == 1


class Repeating(Remembering):
    REPEAT_SECONDS = 60.0


def repeated(told: Told, seconds: float) -> list[tuple[str, str]]:
    """Return key and state of what is sent without a record after so many seconds."""
    told.clock.now += seconds
    before = len(told.notifier.notices)
    told.channel.idle()
    return told.notifier.told()[before:]


def test_what_stands_is_repeated_and_what_is_over_for_five_minutes() -> None:
    told, one = Told(Repeating()), alert()
    told.offer(one)
    assert repeated(told, 59) == []
    assert repeated(told, 1) == [(one.key, "firing")]
    assert repeated(told, 59) == []
    told.offer(later(one, 60, state="resolved"))
    assert [repeated(told, 60) for _ in range(6)] == [[(one.key, "resolved")]] * 4 + [[], []]
    assert told.notifier.notices[1].ref == f"ref of {one.key}"


def test_what_stands_is_repeated_at_once_after_a_restart() -> None:
    told, one = Told(Repeating()), alert()
    told.offer(one)
    again = told.restarted()
    assert repeated(again, 0) == [(one.key, "firing")]
    for partition in (0, 1):
        again.channel.revoked(partition)
    assert repeated(again, 600) == []


def test_a_storm_is_repeated_as_one_notice() -> None:
    told = Told(Repeating())
    for n in range(20):
        told.offer(alert(f"s{n}", version="2.0"))
    assert len(repeated(told, 60)) == 6
    again = told.restarted()
    assert len(repeated(again, 0)) == 6
    for partition in (0, 1):
        again.channel.revoked(partition)
    assert repeated(again, 60) == []


def test_repeats_that_fail_are_counted_logged_once_a_minute_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told(Repeating())
    told.offer(alert())
    told.notifier.answer = lambda notice: TryAgain("503")
    name = "fleetleak_deliver_repeats_total"
    before = metric(name, target="ops", outcome="try-again")
    with caplog.at_level(logging.WARNING):
        for seconds in (60, 1, 1, 1):
            assert repeated(told, seconds) == []
    assert metric(name, target="ops", outcome="try-again") - before == 4
    assert [entry.message for entry in caplog.records] == ["ops: a notice could not be repeated: 503"]
    told.notifier.answer = lambda notice: Delivered()
    assert len(repeated(told, 1)) == 1


def test_a_slow_target_gets_every_repeat_in_turn() -> None:
    told = Told(Repeating(), clock=Clock())
    for n in range(20):
        told.offer(alert(f"s{n}"))

    def slow(notice: Notice) -> Answer:
        told.clock.now += 5.0
        return Delivered()

    told.notifier.answer = slow
    keys = {key for _ in range(40) for key, _ in repeated(told, 5)}
    assert len(keys) == 20


def test_repeats_end_in_time(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(Repeating(), clock=Clock())
    for n in range(10):
        told.offer(alert(f"s{n}"))

    def slow(notice: Notice) -> Answer:
        told.clock.now += 2.0
        return Delivered()

    told.notifier.answer = slow
    assert len(repeated(told, 60)) == 3
    assert len(repeated(told, 1)) == 3, "the others are still due"
