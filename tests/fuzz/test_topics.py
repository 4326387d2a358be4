"""A short run of `python -m tests.fuzz.topics`."""

from __future__ import annotations

import pytest

from fleetleak.records import Alert, Unreadable, control
from fleetleak.stream import Applied, Output, Record, Rejected
from tests.fuzz import checks, topics

CASES = {"decoders": 200, "garbage": 60, "snapshots": 15, "scores": 60}


# Odd sizes overflow a column here and there; what comes out of it is what counts.
@pytest.mark.parametrize("name", topics.CHECKS)
def test_odd_records_do_no_harm(name: str) -> None:
    tried: list[int] = []
    topics.run(topics.CHECKS[name], CASES[name], 1, tried.append, shrink=False)
    assert len(tried) >= CASES[name]


def test_an_output_that_cannot_be_read_is_noticed() -> None:
    with pytest.raises(Unreadable):
        checks.readable(Applied([Output("alerts", b"k", b'{"schema":"alert/1"}')]))


def test_a_decoder_that_raises_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "read", lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checks.read(Alert, b"{")


def test_every_refusal_can_be_a_dead_letter() -> None:
    rejected = Rejected(Record(0, 0, None, None, 0.0), "", "no reason")
    with pytest.raises(AssertionError):
        checks.readable(Applied([], [rejected]))
