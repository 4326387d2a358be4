"""The headers of a dead letter: where it came from and why it is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.stream import Record, Rejected
from fleetleak.stream.dead_letter import Letters, Origin, headers, origin
from tests.unit.strategies import REPEATABLE

GOOD = {
    "topic": b"t.snapshots",
    "partition": b"3",
    "offset": b"42",
    "reason": b"malformed",
    "error": b"not JSON",
}


def given_headers(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    merged = GOOD | changes
    return [("fleetleak-" + name, value) for name, value in merged.items() if value is not None]


def sent(rejected: Rejected) -> list[tuple[str, bytes | None]]:
    """Return headers as Kafka delivers them: values are bytes."""
    delivered: list[tuple[str, bytes | None]] = []
    for name, value in headers(rejected):
        assert isinstance(value, bytes)
        delivered.append((name, value))
    return delivered


@REPEATABLE
@given(st.integers(0, 4096), st.integers(0, 2**63 - 1), st.text(), st.text(max_size=500))
def test_headers_are_read_as_they_were_written(partition: int, offset: int, reason: str, error: str) -> None:
    rejected = Rejected(Record(partition, offset, None, None, 0.0, topic="t.snapshots"), reason, error)
    assert origin(sent(rejected)) == Origin("t.snapshots", partition, offset, reason, error)


def test_a_long_error_is_cut() -> None:
    rejected = Rejected(Record(0, 0, None, None, 0.0), "invalid", "x" * 100_000)
    letter = origin(sent(rejected))
    assert letter is not None
    assert letter.error == "x" * 500


def test_an_error_that_is_no_text_is_escaped() -> None:
    letter = origin(sent(Rejected(Record(0, 0, None, None, 0.0), "failed", "a\udcff")))
    assert letter is not None
    assert letter.error == "a\\udcff"


def test_the_header_names_are_those_of_the_documentation() -> None:
    rejected = Rejected(Record(3, 42, b"k", b"v", 0.0, topic="t.snapshots"), "malformed", "not JSON")
    assert sent(rejected) == given_headers()


def test_a_target_that_refused_it_is_named() -> None:
    record = Record(3, 42, b"k", b"v", 0.0, topic="t.alerts")
    delivered = [
        (n, v) for n, v in headers(Rejected(record, "refused", "404"), "ops") if isinstance(v, bytes)
    ]
    assert origin([*delivered]) == Origin("t.alerts", 3, 42, "refused", "404", "ops")


@pytest.mark.parametrize("name", GOOD)
def test_a_record_that_lacks_a_header_is_no_dead_letter_of_ours(name: str) -> None:
    assert origin(given_headers(**{name: None})) is None


@pytest.mark.parametrize("name", ["partition", "offset"])
@pytest.mark.parametrize("value", [b"x", b"", b"\xff"])
def test_a_place_that_is_no_number_is_refused(name: str, value: bytes) -> None:
    assert origin(given_headers(**{name: value})) is None


FOREIGN = [("traceparent", b"00-1-1-00"), ("traceid", b"\xff"), ("topic", b"elsewhere"), ("empty", None)]


@pytest.mark.parametrize("received", [None, [], *([header] for header in FOREIGN)])
def test_other_records_are_no_dead_letters(received: list[tuple[str, bytes | None]] | None) -> None:
    assert origin(received) is None


def test_headers_of_others_are_passed_over() -> None:
    assert origin([*given_headers(), *FOREIGN]) == Origin("t.snapshots", 3, 42, "malformed", "not JSON")


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def rejected(offset: int, reason: str = "malformed") -> Rejected:
    return Rejected(Record(3, offset, None, None, 0.0, topic="t.snapshots"), reason, "not JSON")


def test_dead_letters_are_logged_once_a_minute_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    letters = Letters(clock)

    def batch(*more: Rejected) -> list[str]:
        caplog.clear()
        for one in more:
            letters.note(one)
        letters.tell()
        return [record.message for record in caplog.records]

    assert batch() == []
    first = "dead letters (malformed): 2, the first t.snapshots[3] at offset 7: not JSON"
    assert batch(rejected(7), rejected(8)) == [first]
    clock.now = 59
    assert batch(rejected(9), rejected(10)) == []
    assert len(batch(rejected(1, "future"))) == 1, "another reason has a line of its own"
    clock.now = 60
    assert batch(rejected(11)) == [
        "dead letters (malformed): 3, the first t.snapshots[3] at offset 9: not JSON"
    ]
    clock.now = 1000
    assert batch() == []
