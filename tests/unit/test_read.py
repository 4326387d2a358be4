"""Unreadable records of a topic are reported in one line."""

from __future__ import annotations

from confluent_kafka import Message

from fleetleak.kafka.read import Skipped
from fleetleak.records import Unreadable


def message(partition: int, offset: int) -> Message:
    return Message(topic="fleetleak.alerts", partition=partition, offset=offset, value=b"x")


def told(*unreadable: tuple[Message, Unreadable]) -> list[str]:
    skipped = Skipped("fleetleak.alerts")
    for one, error in unreadable:
        skipped.add(one, error)
    lines: list[str] = []
    skipped.tell(lines.append)
    return lines


def test_they_are_counted_by_reason_and_the_first_is_shown() -> None:
    invalid, newer = Unreadable("invalid", "Expected `str`"), Unreadable("newer-schema", "upgrade this role")
    assert told((message(2, 17), newer), (message(0, 3), invalid), (message(0, 4), invalid)) == [
        "3 records of fleetleak.alerts could not be read (2 invalid, 1 newer-schema),"
        " the first at partition 2 offset 17: upgrade this role"
    ]


def test_one_is_one_record_and_none_is_no_line() -> None:
    assert told() == []
    (line,) = told((message(0, 0), Unreadable("empty", "the record has no value")))
    assert line.startswith("1 record of fleetleak.alerts could not be read (1 empty), ")


def test_whatever_the_error_quotes_it_stays_one_short_line() -> None:
    (line,) = told((message(0, 0), Unreadable("malformed", "a\nb\r\n" + "x" * 100_000)))
    assert "\n" not in line
    assert len(line) < 500
