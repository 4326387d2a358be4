"""Where a partition begins: committed offsets, the cut, and what Kafka still has."""

from __future__ import annotations

import pytest

from fleetleak.stream import Topics
from fleetleak.stream.checkpoint import Cut
from fleetleak.stream.errors import Refused
from fleetleak.stream.positions import Positions

TOPICS = Topics("snapshots", "models", "dead-letter", ("feedback", "labels"))


def started(input_: int = 100, feedback: int = 7, labels: int = 8) -> Positions:
    positions = Positions(TOPICS, 3)
    positions.start("id", 4, {"snapshots": input_, "feedback": feedback, "labels": labels})
    return positions


def offsets(positions: Positions) -> dict[str, int]:
    return {place.topic: place.offset for place in positions.places()}


def test_a_cut_is_read_back_as_it_was_committed() -> None:
    positions = started()
    positions.see([100], [50.0])
    positions.advance(100)
    positions.advance_side("labels", 20)
    cut = Cut.from_value(positions.cut(60).to_value())
    again = started(input_=101, feedback=-1001, labels=-1001)
    assert again.fit(cut)
    assert offsets(again) == {"snapshots": 60, "feedback": 7, "labels": 21}
    assert (again.live_from, again.behind) == (101, 41)


def test_what_is_committed_wins_over_the_cut() -> None:
    positions = started(feedback=9)
    assert positions.fit(Cut(90, 95, "id", 5, 4, 0.0, [6]))
    assert offsets(positions) == {"snapshots": 90, "feedback": 9, "labels": 8}
    assert positions.live_from == 100


def test_offsets_that_were_set_back_are_refused() -> None:
    with pytest.raises(Refused, match=r"snapshots\[3\] is committed at 100, but stored state goes to 101"):
        started().fit(Cut(90, 101, "id"))


def test_a_recreated_topic_starts_at_its_beginning() -> None:
    positions = started()
    assert not positions.fit(Cut(90, 95, "another id"))
    positions.hold_to({"snapshots": 5, "feedback": 0, "labels": 0}, 50)
    assert (positions.input, positions.live_from) == (5, 5)


def test_what_retention_deleted_is_skipped() -> None:
    positions = started()
    positions.fit(Cut(10, 100, "id"))
    positions.hold_to({"snapshots": 40, "feedback": 8, "labels": 0}, 200)
    assert offsets(positions) == {"snapshots": 40, "feedback": 8, "labels": 8}
    assert positions.behind == 60


def test_a_lost_tail_is_not_taken_for_a_replay() -> None:
    positions = started()
    positions.fit(Cut(95, 100, "id"))
    positions.hold_to({"snapshots": 0, "feedback": 0, "labels": 0}, 90)
    assert (positions.input, positions.live_from) == (90, 90)


def test_the_clock_of_a_replay_begins_anew_and_of_what_follows_does_not_go_back() -> None:
    positions = started()
    positions.fit(Cut(98, 100, "id", clock=1000.0))
    assert positions.see([98, 99, 100], [700.0, 600.0, 900.0]) == [700.0, 700.0, 1000.0]
    assert positions.see([101, 102], [1100.0, 1050.0]) == [1100.0, 1100.0]


def test_a_commit_before_the_first_new_record_keeps_the_clock() -> None:
    positions = started()
    positions.fit(Cut(98, 100, "id", clock=1000.0))
    assert positions.cut(100).clock == 1000.0


def test_it_is_current_only_where_it_was_left() -> None:
    positions = started()
    assert positions.is_committed({"snapshots": 100, "feedback": 7, "labels": 8})
    assert not positions.is_committed({"snapshots": 101, "feedback": 7, "labels": 8})
    assert not Positions(TOPICS, 3).is_committed({"snapshots": 0, "feedback": 0, "labels": 0})
